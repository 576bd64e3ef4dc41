"""The command line: a thin face over `a360.open` which imports what a command needs when it runs."""

import sys
from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process with its exit code."""
    from a360.cli._main import run  # noqa: PLC0415 - `import a360.cli` costs nothing

    raise SystemExit(run(sys.argv[1:] if argv is None else list(argv)))
