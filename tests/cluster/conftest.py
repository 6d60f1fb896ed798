"""One small Ray for all tests that need it, stopped in the end."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import goodsight

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def ray() -> Iterator[Any]:
    """Two processors, the smallest store of objects, no dashboard; workers see the code that is tested."""
    found = pytest.importorskip("ray", reason="needs Ray, which is in the extra `cluster`")
    code = (Path(goodsight.__file__).parents[1], TESTS, *filter(None, [os.environ.get("PYTHONPATH")]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, code)))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        found.init(
            "local",
            num_cpus=2,
            object_store_memory=80 * 2**20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        yield found
        found.shutdown()
