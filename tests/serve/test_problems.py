"""Errors become problem documents, and logs say no more than the database does."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from goodsight.serve import problems
from goodsight.store.database import open_database


def test_a_statement_that_fails_is_logged_without_its_values(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine, app = open_database("", tmp_path), FastAPI()
    problems.install(app)

    @app.get("/")
    def fails() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT * FROM nowhere WHERE seller = :seller"), {"seller": "Mrs Smith"})

    assert TestClient(app).get("/").status_code == 503
    assert "no such table: nowhere" in caplog.text
    assert "Smith" not in caplog.text
    assert "SELECT" not in caplog.text
    engine.dispose()
