"""The command line: a thin face over `a360.open` which imports what a command needs when it runs."""

import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]

# Imports and contracts make many objects that stay. Looking for garbage among them took 5 % of a command.
_COLLECT_AFTER = 100_000


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process with its exit code."""
    gc.set_threshold(_COLLECT_AFTER)
    from a360.cli._main import run  # noqa: PLC0415 - `import a360.cli` costs nothing

    raise SystemExit(run(sys.argv[1:] if argv is None else list(argv)))
