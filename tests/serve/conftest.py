"""A service in a process of its own, for the tests that ask it from outside and leave it as it was."""

from collections.abc import Iterator

import loopback
import pytest

from goodsight.flow.training import Training


@pytest.fixture(scope="session")
def running(trained: Training, tmp_path_factory: pytest.TempPathFactory) -> Iterator[loopback.Running]:
    with loopback.service(trained.folder, tmp_path_factory.mktemp("running")) as made:
        yield made
