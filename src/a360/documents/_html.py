"""HTML reduced to the text a reader sees, with the places of its headings."""

import re
from html.parser import HTMLParser
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


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.length = 0
        self.headings: list[Heading] = []
        self._hidden = 0
        self._heading: tuple[int, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        if tag in _HIDDEN:
            self._hidden += 1
        elif tag in _BLOCKS or tag == "br":
            self._break()
        if tag in _HEADINGS and not self._hidden:
            self._heading = (self.length, int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
            return
        heading = self._heading
        if tag in _HEADINGS and heading is not None:
            words = "".join(self.parts)[heading[0] :].strip()
            self._break()
            if words:
                self.headings.append(Heading(heading[0], self.length, heading[1], words))
            self._heading = None
        elif tag in _BLOCKS:
            self._break()
        elif tag in _CELLS:
            self._add(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._add(_SPACE.sub(" ", data))

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
    """The visible text, a line a block, and its headings."""
    parser = _Text()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts), parser.headings
