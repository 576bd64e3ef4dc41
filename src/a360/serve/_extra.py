"""What serving needs beside the base install."""

from importlib.util import find_spec

from a360.errors import OperatorError

_EXTRA = "serve"
_NEEDED = ("fastapi", "jwt")


def require_extra() -> None:
    """Raise where what serving needs is not installed.

    Raises:
        OperatorError: `extra-missing`.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise OperatorError(
            "extra-missing",
            f"What serves the lake is installed with the extra '{_EXTRA}'",
            found=f"not installed: {', '.join(missing)}",
            next_step=f"pip install 'a360-data-lake[{_EXTRA}]', or uv sync --extra {_EXTRA}",
        )
