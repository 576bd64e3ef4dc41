"""One guarded lake for all tests of the gateway."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[1]
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from guarded import guarded  # noqa: E402 - found on the path just set


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    """The lake and its gateway."""
    with guarded(tmp_path_factory.mktemp("guarded")) as made:
        yield made
