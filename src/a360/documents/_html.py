"""HTML reduced to the text a reader sees, with the places of its headings."""

import re
from html import unescape
from typing import Final

from a360.documents._sections import Heading

_HIDDEN: Final = frozenset({"head", "script", "style", "template", "noscript", "title"})
_BLOCK_TAGS: Final = """
    address article aside blockquote dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6
    header hr li main nav ol p pre section table tr ul
"""
_BLOCKS: Final = frozenset(_BLOCK_TAGS.split())
_CELLS: Final = frozenset({"td", "th"})
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SPACE: Final = re.compile(r"\s+")
_TAG: Final = re.compile(r"<(?P<slash>/?)(?P<name>[A-Za-z][^\s/>]*)")
_TAG_END: Final = re.compile(r"""(?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""")
# What is no text up to the tag that ends it, whatever else it holds.
_RAW: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}


class _Text:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.headings: list[Heading] = []
        self._hidden = 0
        self._heading: tuple[int, int, int] | None = None

    def start(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS or tag == "br":
            self._break()
        if tag in _HEADINGS and not self._hidden:
            self._heading = (self.length, int(tag[1]), len(self.parts))

    def end(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
            return
        if tag in _HEADINGS and self._heading is not None:
            start, level, place = self._heading
            words = "".join(self.parts[place:]).strip()
            self._break()
            if words:
                self.headings.append(Heading(start, self.length, level, words))
            self._heading = None
        elif tag in _BLOCKS:
            self._break()
        elif tag in _CELLS:
            self._add(" ")

    def data(self, data: str) -> None:
        if data and not self._hidden:
            self._add(_SPACE.sub(" ", unescape(data)))

    def _add(self, text: str) -> None:
        if text.startswith(" ") and (not self.parts or self.parts[-1][-1:] in {"\n", " "}):
            text = text[1:]
        if text:
            self.parts.append(text)
            self.length += len(text)

    def _break(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
            self.length += 1


def reduce_html(text: str) -> tuple[str, list[Heading]]:
    """The visible text, a line a block, and its headings.

    Read as browsers read it, but that a tag or comment which does not end hides nothing behind it: no words
    of a note are lost. Each character is looked at a few times at most, whatever the tags are like.
    """
    found, at, last, last_comment, is_quoting = _Text(), 0, text.rfind(">"), text.rfind("-->"), True
    while (place := text.find("<", at)) >= 0 and place < last:
        found.data(text[at:place])
        if place + 2 <= last_comment and text.startswith("<!--", place):
            at = text.index("-->", place + 2) + 3
            continue
        tag = _TAG.match(text, place)
        if tag is None:
            # `<!…>` and the like say nothing; a mere sign is text, and so is a comment that does not end.
            is_bogus = text[place + 1] in "!?/" and not text.startswith("<!--", place)
            at = text.index(">", place) + 1 if is_bogus else place + 1
            found.data("" if is_bogus else "<")
            continue
        whole = _TAG_END.match(text, tag.end()) if is_quoting else None
        # Where a quote is left open, a tag ends at the next bracket, and so do all behind it.
        is_quoting = whole is not None
        at = whole.end() if whole else text.index(">", tag.end()) + 1
        at = _tagged(found, text, tag, at)
    found.data(text[at:])
    return "".join(found.parts), found.headings


def _tagged(found: _Text, text: str, tag: re.Match[str], at: int) -> int:
    """Take a tag that ends at a place; where reading goes on."""
    name = tag["name"].lower()
    if tag["slash"]:
        found.end(name)
        return at
    found.start(name)
    if text[at - 2] == "/":
        found.end(name)
    elif name in _RAW:
        end = _RAW[name].search(text, at)
        return end.start() if end else len(text)
    return at
