"""Puts what tests of whole lakes share on the path."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "lake", TESTS / "omop"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
