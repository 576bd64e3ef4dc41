"""The escape sequences of ER7: what stands for delimiters, bytes and layout inside a value."""

import re

_SEQUENCE = re.compile(r"\\([^\\\r\n]*)\\")
_PLAIN = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\", "P": "#", "H": "", "N": "", ".br": "\n"}
_OUT = str.maketrans({"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"})
_LAYOUT = {".sp": "\n", ".fi": "", ".nf": "", ".in": "", ".ti": "", ".sk": " ", ".ce": "\n"}
_COUNTED = re.compile(r"(\.sp|\.in|\.ti|\.sk)([+-]?\d*)\Z")


def unescape(text: str) -> str:
    """The value a text stands for; a sequence that is not known stays as it was sent."""
    if "\\" not in text:
        return text
    return _SEQUENCE.sub(_resolve, text)


def escape(text: str) -> str:
    """The text as it is written inside a field."""
    return text.translate(_OUT).replace("\r\n", "\n").replace("\n", "\\.br\\").replace("\r", "\\.br\\")


def _resolve(match: re.Match[str]) -> str:
    body = match[1]
    plain = _PLAIN.get(body)
    if plain is not None:
        return plain
    if body[:1] == "X":
        return _from_hex(body[1:], match[0])
    if body in _LAYOUT:
        return _LAYOUT[body]
    counted = _COUNTED.match(body)
    if counted:
        times = int(counted[2] or 1) if counted[2] not in {"+", "-"} else 1
        return _LAYOUT[counted[1]] * min(max(times, 0), 99)
    return match[0]


def _from_hex(digits: str, sequence: str) -> str:
    """Bytes written as hexadecimal digits: UTF-8 if they are, else Latin-1; kept if they are no bytes."""
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return sequence
    if not found:
        return sequence
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        return found.decode("latin-1")
