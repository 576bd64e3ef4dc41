"""Where the records of a text with quotes end: columnar work over the bytes, exact for any quoting.

The rules are those of Python's csv module in its default dialect, and of most that write CSV: a quote opens
only at the start of a cell, a doubled one stands for itself within, and elsewhere a quote is a character.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from a360.records._text import Bytes, Ints

_LF: Final = 10
_CR: Final = 13
_RUN_BYTES: Final = 256 << 10


@dataclass(frozen=True, slots=True)
class Split:
    """The records of a text, blank lines left out: spans without the line break behind each.

    `lines` is the line that each begins in, from 0. `rest` is where the record begins that has not ended yet,
    `rest_line` its line.
    """

    starts: Ints
    ends: Ints
    lines: Ints
    rest: int
    rest_line: int


def split(text: Bytes, delimiter: int, quote: int | None, *, ended: bool) -> Split:
    """Split a text that begins where a record does; `ended` where nothing comes behind it."""
    ends, nexts = _line_breaks(text, ended=ended)
    toggles = _toggles(text, delimiter, quote)
    kept = np.flatnonzero((np.searchsorted(toggles, ends) & 1) == 0) if len(toggles) else np.arange(len(ends))
    record_ends, record_nexts = ends[kept], nexts[kept]
    starts = np.empty_like(record_ends)
    starts[:1], starts[1:] = 0, record_nexts[:-1]
    lines = np.empty_like(kept)
    lines[:1], lines[1:] = 0, kept[:-1] + 1
    rest = int(record_nexts[-1]) if len(kept) else 0
    rest_line = int(kept[-1]) + 1 if len(kept) else 0
    filled = starts < record_ends
    return Split(starts[filled], record_ends[filled], lines[filled], rest, rest_line)


def byte_places(text: Bytes, byte: int) -> Ints:
    """Where a byte stands, sought in runs that stay in the processor's cache."""
    runs = range(0, len(text), _RUN_BYTES)
    found = [np.flatnonzero(text[start : start + _RUN_BYTES] == byte) + start for start in runs]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _line_breaks(text: Bytes, *, ended: bool) -> tuple[Ints, Ints]:
    """Where lines end and the next begin: behind a line feed, a carriage return, or both."""
    feeds, returns = byte_places(text, _LF), byte_places(text, _CR)
    ends, nexts = feeds, feeds + 1
    if len(returns):
        before = feeds[feeds > 0] - 1
        paired = np.zeros(len(feeds), dtype=np.bool_)
        paired[feeds > 0] = text[before] == _CR
        ends = feeds - paired
        if returns[-1] == len(text) - 1 and not ended:
            # A line feed may follow.
            returns = returns[:-1]
        inner = returns[returns < len(text) - 1]
        alone = np.concatenate([inner[text[inner + 1] != _LF], returns[returns == len(text) - 1]])
        if len(alone):
            order = np.argsort(np.concatenate([ends, alone]), kind="stable")
            ends, nexts = np.concatenate([ends, alone])[order], np.concatenate([nexts, alone + 1])[order]
    return ends, nexts


def _toggles(text: Bytes, delimiter: int, quote: int | None) -> Ints:
    """The quotes that open and close cells, in turn."""
    if quote is None:
        return np.zeros(0, dtype=np.int64)
    quotes = byte_places(text, quote)
    if not len(quotes) or _are_regular(text, quotes, delimiter):
        return quotes
    return _walked(text, quotes, delimiter)


def _are_regular(text: Bytes, quotes: Ints, delimiter: int) -> bool:
    """Whether every other quote opens at the start of a cell, and those between close at the end of one.

    A doubled quote closes and opens again, with nothing in between that could matter.
    """
    edge = np.zeros(256, dtype=np.bool_)
    edge[[delimiter, _LF, _CR]] = True
    openers, closers = quotes[0::2], quotes[1::2]
    opens = np.ones(len(openers), dtype=np.bool_)
    inner = openers > 0
    opens[inner] = edge[text[openers[inner] - 1]]
    opens[1:] |= openers[1:] == closers[: len(openers) - 1] + 1
    if not opens.all():
        return False
    closes = np.ones(len(closers), dtype=np.bool_)
    inner = closers < len(text) - 1
    closes[inner] = edge[text[closers[inner] + 1]] | (text[closers[inner] + 1] == text[closers[inner]])
    return bool(closes.all())


def _walked(text: Bytes, quotes: Ints, delimiter: int) -> Ints:
    """The quotes that open and close, found one by one: some stand where they mean nothing."""
    edges = {delimiter, _LF, _CR}
    before = text[quotes - 1].tolist()
    at, found, inside, place = quotes.tolist(), [], False, 0
    while place < len(at):
        here = at[place]
        if not inside:
            if here == 0 or before[place] in edges:
                inside = True
                found.append(here)
        elif place + 1 < len(at) and at[place + 1] == here + 1:
            place += 1
        else:
            inside = False
            found.append(here)
        place += 1
    return np.array(found, dtype=np.int64)
