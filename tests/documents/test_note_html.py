"""HTML reduced to what a reader sees: as any parser reads it, at once, and with nothing lost."""

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.documents._html import reduce_html

_SECONDS = 5


class Standard(HTMLParser):
    """What Python's own parser takes for text outside of what nobody sees, white space aside."""

    def __init__(self) -> None:
        """See nothing yet."""
        super().__init__()
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go into an element."""
        self._hidden += tag in {"script", "style", "title"}

    def handle_endtag(self, tag: str) -> None:
        """Come out of it."""
        self._hidden -= tag in {"script", "style", "title"}

    def handle_data(self, data: str) -> None:
        """Take what is seen."""
        self.seen += [] if self._hidden else data.split()


_SAID = st.sampled_from(
    ["word", "a &amp; b", "x < 3", "5 > 4", "1<2", "&lt;b&gt;", "&nbsp;", "\u00e9", "a=b"]
)
_UNSEEN = st.sampled_from(
    [
        "<!-- c > <b> -->",
        "<!DOCTYPE html>",
        "<br/>",
        "<!---->",
        "<script>a<b</p></script>",
        "<style>p</style>",
    ]
)
_ATTRIBUTES = st.sampled_from(["", ' class="x"', " id='a>b'", ' t="o\'b>c"', " data-x=o'neil", ' x = "q"'])
_TAGS = st.sampled_from(["p", "div", "h1", "b", "span", "td", "title", "LI"])


def _element(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        "<{0}{1}>{2}</{0}>".format, _TAGS, _ATTRIBUTES, st.lists(inner, max_size=4).map(" ".join)
    )


@given(st.recursive(_SAID | _UNSEEN, _element, max_leaves=12))
def test_html_says_what_the_standard_parser_finds_in_it(html: str) -> None:
    """Of any well-formed HTML the same words are left, in the same order."""
    standard = Standard()
    standard.feed(html)
    standard.close()
    reduced, _ = reduce_html(html)
    assert "".join(reduced.split()) == "".join(standard.seen)


@pytest.mark.parametrize("lost", ["<b title='x", "<!-- never closed", "<", "</", "<p"])
@pytest.mark.parametrize("behind", [" allergic to latex", " <p>allergic to latex</p>"])
def test_what_does_not_end_hides_nothing(lost: str, behind: str) -> None:
    """A tag, quote or comment that a broken file leaves open takes no words away that come behind it."""
    assert "allergic to latex" in reduce_html(f"<p>Note</p>{lost}{behind}")[0]


_FRAGMENTS = [
    "<a ",
    "<",
    "<!--",
    "&",
    "<script>",
    "</a ",
    '<a b="',
    "<a b='\">",
    "<h1>x</h1>y",
    "<![",
    "<p>",
    "=",
]


@pytest.mark.parametrize("fragment", _FRAGMENTS)
def test_no_html_takes_longer_than_its_length(fragment: str) -> None:
    """Whatever is repeated fifty thousand times is read in seconds, not in hours."""
    started = time.process_time()
    reduce_html(fragment * 50_000 + ">")
    assert time.process_time() - started < _SECONDS
