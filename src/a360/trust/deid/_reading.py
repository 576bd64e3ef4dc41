"""Texts as the stages read them, and where each character stands in the original."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from a360.trust.deid._spans import Span

_CLUSTER: Final = re.compile(r"[\s\S][\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f]*")
_HYPHENS: Final = frozenset("\u2010\u2011\u2012\u2212\ufe63\uff0d")
_EN_DASH: Final = "\u2013"
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as it is read.

    Args:
        text: What the stages are given.
        begins: Where each of its characters begins in the original; None where both are one.
        ends: Where each ends there.
    """

    text: str
    begins: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    @classmethod
    def of(cls, text: str) -> "Reading":
        """Accents join their letters; soft hyphens, zero widths and marks of direction go."""
        if text.isascii():
            return cls(text)
        plain: list[str] = []
        begins: list[int] = []
        ends: list[int] = []
        for cluster in _CLUSTER.finditer(text):
            seen = _seen(text, *cluster.span())
            plain.append(seen)
            begins += [cluster.start()] * len(seen)
            ends += [cluster.end()] * len(seen)
        return cls("".join(plain), begins, ends)

    def in_original(self, span: Span) -> Span:
        """A span of what was read, in characters of the original."""
        if self.begins is None or self.ends is None:
            return span
        return replace(span, start=self.begins[span.start], end=self.ends[span.end - 1])


def _seen(text: str, start: int, end: int) -> str:
    """What a reader sees of a character and its marks."""
    if end - start > 1:
        return unicodedata.normalize("NFC", text[start:end])
    each = text[start]
    if each.isascii() or each.isalnum():
        return unicodedata.normalize("NFKC", each) if ord(each) in _FULL_WIDTH else each
    if each in _HYPHENS or (
        each == _EN_DASH and text[start - 1 : start].isdigit() and text[end : end + 1].isdigit()
    ):
        return "-"
    kind = unicodedata.category(each)
    return (
        ""
        if kind == "Cf"
        else " "
        if kind == "Zs"
        else unicodedata.normalize("NFKC", each)
        if ord(each) in _FULL_WIDTH
        else each
    )
