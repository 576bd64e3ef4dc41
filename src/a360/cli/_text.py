"""Text that is safe on a terminal, whatever the data holds."""

import re
import sys
from collections.abc import Sequence

# C0 and C1 controls (an escape sequence can rewrite a terminal), and the marks that turn reading around.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_UNITS = ("B", "KB", "MB", "GB", "TB")


def plain(value: object) -> str:
    """The value on one line, with every character that a terminal would obey written out as an escape."""
    return _UNSAFE.sub(_escape, str(value))


def _escape(match: re.Match[str]) -> str:
    if match[0] in "\t\n\r":
        return " "
    if match[0] < "\x80":
        return f"\\x{ord(match[0]):02x}"
    return match[0].encode("ascii", "backslashreplace").decode()


def number(value: float) -> str:
    """A number with thousands set apart; a float with two decimals."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def size(count: int) -> str:
    """Bytes in the unit a person would choose."""
    power = min((len(str(count)) - 1) // 3, len(_UNITS) - 1)
    return f"{count / 1000**power:.{1 if power else 0}f} {_UNITS[power]}"


def listed(names: Sequence[str], most: int) -> str:
    """Names in a row; of more than `most` the first, and how many there are besides."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def tell(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{text}\n")
