"""Puts what the tests of views share on the path: random views, random resources, and what they mean."""

import sys
from pathlib import Path

HERE = str(Path(__file__).resolve().parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)
