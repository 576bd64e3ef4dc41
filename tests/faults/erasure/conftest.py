"""Puts what tests of whole lakes share on the path, and gives their fixtures."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
for folder in (TESTS / "lake", TESTS / "oracle"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from lake_fixtures import *  # noqa: E402, F403 - found on the path just set
