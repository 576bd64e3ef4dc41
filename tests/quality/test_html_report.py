"""The report as a page: whole in itself, honest about scores, and of no danger whatever a name holds."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from a360.quality import DIMENSIONS, RuleResult, ScorePoint, render_html, score, scores

NOW = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
FINE = RuleResult("silver.x", "fine", "not_null", "completeness", "error", True, ("v",), 10, 0)
POOR = replace(FINE, rule="poor", severity="warning", passed=False, failed=3)
BAD = replace(FINE, rule="bad", passed=False, failed=1)
VOID = {"meta", "line", "circle", "polyline", "polygon"}


def dataset(name="silver.x", results=(FINE, POOR, BAD), **more):
    """A dataset as a check's JSON has it."""
    return {
        "dataset": name,
        "rows": 10,
        "score": score(results),
        "dimensions": scores(list(results)),
        "quarantined": {},
        "current": True,
        "rules": [result.to_json() for result in results],
        **more,
    }


def point(day, value):
    """A score on a day."""
    return ScorePoint(NOW + timedelta(days=day), value, dict.fromkeys(DIMENSIONS, value))


class Page(HTMLParser):
    """Reads a page and notes what a browser would do with it."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids, self.texts = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag or tag in VOID

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.texts.append(data)


def page(*datasets, trends=None, **more):
    """The page as text."""
    return render_html(list(datasets), trends or {}, made_at=NOW, **more)


def test_the_page_is_whole_and_loads_nothing():
    """Every element is closed, every id is there once, links lead into the page, nothing is fetched."""
    text = page(dataset(), dataset("gold.y", (FINE,)), trends={"silver.x": [point(0, 90.0), point(1, 95.0)]})
    read = Page(text)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert not {"script", "link", "img", "iframe", "form", "object"} & set(read.tags)
    assert not re.search(r"https?://|url\(|@import|src=", text)
    links = {value for name, value in read.attributes if name == "href"}
    assert links
    assert links <= {f"#{each}" for each in read.ids}
    assert "default-src 'none'" in text


def test_failing_rules_come_first_and_errors_before_warnings():
    """What needs a person stands above the scores, the worst on top."""
    text = page(dataset())
    places = [text.index(word) for word in ("Rules that do not hold", ">bad<", ">poor<", ">Scores<")]
    assert places == sorted(places)


def test_without_failures_the_page_says_so():
    """A page on which nothing fails says that, and does not show an empty table."""
    assert "Every rule holds" in page(dataset(results=(FINE,)))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><b>', "a&b", "'x'"])
def test_names_are_text_whatever_they_hold(name):
    """A name of a dataset or a rule is shown as it is, and never obeyed."""
    read = Page(page(dataset(f"silver.{name}", (replace(BAD, rule=name, dataset=f"silver.{name}"),))))
    assert sorted(read.tags) == sorted(Page(page(dataset(results=(BAD,)))).tags)
    assert name in read.texts


def test_a_score_never_looks_perfect_that_is_not():
    """One failing row among a hundred thousand is not shown as 100."""
    nearly = replace(POOR, checked=10_000_000, failed=1)
    text = page(dataset(results=(nearly,)))
    assert ">99.99<" in text
    assert ">100<" not in text.replace("to 100", "")


def test_a_dataset_without_rules_shows_no_score():
    """Nothing judged is told as such, in words and not as a number."""
    assert ">none<" in page(dataset(results=()))


def test_trends_are_drawn_and_told():
    """Each line of scores says in its title what a person who does not see it should know."""
    trend = {"silver.x": [point(0, 90.0), point(1, 80.5), point(2, 97.25)]}
    titles = re.findall(r"<title>(Score of silver.x: .*?)</title>", page(dataset(), trends=trend))
    said = "90.00 on 2026-02-03, 97.25 on 2026-02-05, lowest 80.50, 3 measurements; the scale is 80.50 to 100"
    assert titles == [f"Score of silver.x: {said}"]
    places = re.search(r'class="line" points="(.*?)"', page(dataset(), trends=trend))[1].split()
    heights = [float(place.split(",")[1]) for place in places]
    assert heights[1] > heights[0] > heights[2]
    assert all(0 <= height <= 34 for height in heights)


def test_what_is_judged_by_earlier_counts_is_told():
    """A page of kept counts says so, and marks a dataset that has changed since."""
    text = page(dataset(current=False), stored=True)
    assert "judged by earlier counts" in text
    assert "counted before a change" in text


def test_light_and_dark_and_paper_are_served():
    """The page follows the reader's scheme, and has a language and a label for each table."""
    text = page(dataset())
    assert "prefers-color-scheme:dark" in text
    assert '<html lang="en">' in text
    assert text.count("<table") == text.count('aria-labelledby="') + text.count("<caption")
