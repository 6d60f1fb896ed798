"""The demo finds what it planted."""

from pathlib import Path

import demo
import pytest


def test_the_demo_finds_what_it_planted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = demo.main(tmp_path / "demo", per_kind=50, faults=4)
    assert found["truncated"] == found["byte twin"] == found["two labels"] == found["tiny"] == (4, 4)
    assert len(found) == 13
    assert all(hits for hits, _ in found.values()), found
    assert sum(hits for hits, _ in found.values()) >= 45
    said = capsys.readouterr().out
    assert "declared bag: mismatch" not in said
    assert "declared lamp: mismatch (looks like bag)" in said
    assert (tmp_path / "demo" / "model" / "report.html").exists()
    assert (tmp_path / "demo" / "audit" / "review.csv").exists()
