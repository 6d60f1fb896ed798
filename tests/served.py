"""A service that runs in the test's own process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from goodsight.flow.training import Training
from goodsight.serve.app import create_app
from goodsight.serve.service import Settings


@contextmanager
def served(trained: Training, data: Path, **settings: Any) -> Iterator[TestClient]:
    """A client of a service of one model, called ``drawn``; a fault in the service is an answer and no error here."""
    made = Settings({"drawn": trained.folder}, data, **settings)
    with TestClient(create_app(made), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client
