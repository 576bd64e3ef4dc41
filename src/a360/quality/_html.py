"""The quality of a lake as one HTML page: failing rules first, then scores, trends and every rule.

The page holds names of datasets and rules, and counts; never a value of a row. It loads nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from a360.quality._chart import chart, score_text
from a360.quality._results import DIMENSIONS, ScorePoint
from a360.quality._style import STYLE
from a360.quality._words import asked, found

type Told = Mapping[str, Any]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_GOOD, _MID = 99.0, 95.0
_FOOT = (
    "A score is the mean share of rows that pass, 0 to 100, over the rules of a dataset. "
    "This page holds names of rules and counts only, and loads nothing from elsewhere."
)
_HEADING = '<h2 id="failing">Rules that do not hold</h2>'


def render_html(
    datasets: Sequence[Told],
    trends: Mapping[str, Sequence[ScorePoint]],
    *,
    made_at: datetime,
    stored: bool = False,
) -> str:
    """The page. `datasets` are those of a check, as its JSON has them; `trends` their earlier scores."""
    body = "".join(
        (
            _header(datasets, made_at, stored=stored),
            "<main>",
            _failing(datasets),
            _overview(datasets, trends),
            _details(datasets, trends),
            f"</main><footer>{_FOOT}</footer>",
        )
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>Data quality</title><style>{STYLE}</style>'
        f"</head><body>{body}</body></html>\n"
    )


def _header(datasets: Sequence[Told], made_at: datetime, *, stored: bool) -> str:
    rules = [rule for each in datasets for rule in each["rules"]]
    scored = [each["score"] for each in datasets if each["score"] is not None]
    mean = sum(scored) / len(scored) if scored else None
    errors, warnings = _count(rules, "error"), _count(rules, "warning")
    refused = sum(sum(each["quarantined"].values()) for each in datasets)
    tiles = (
        ("Mean score", _number(mean)),
        ("Datasets", f"{len(datasets):,}"),
        ("Rules", f"{len(rules):,}"),
        ("Errors", f"{errors:,}"),
        ("Warnings", f"{warnings:,}"),
        ("Rows refused by rules", f"{refused:,}"),
    )
    items = "".join(f"<li><b>{value}</b>{name}</li>" for name, value in tiles)
    how = "judged by earlier counts" if stored else "measured on all rows"
    when = made_at.astimezone(UTC)
    return (
        f'<header><h1>Data quality</h1><p class="soft">{how}, <time datetime="{when.isoformat()}">'
        f'{when:%d %B %Y, %H:%M} UTC</time></p><ul class="tiles">{items}</ul></header>'
    )


def _count(rules: Sequence[Told], severity: str) -> int:
    return sum(not rule["passed"] and rule["severity"] == severity for rule in rules)


def _failing(datasets: Sequence[Told]) -> str:
    rules = [rule for each in datasets for rule in each["rules"] if not rule["passed"]]
    rules.sort(key=lambda rule: (rule["severity"], rule["dataset"], rule["rule"]))
    if not rules:
        return f'{_HEADING}<div class="card"><p class="ok">Every rule holds.</p></div>'
    names = ("severity", "dataset", "rule", "dimension", "found", "asked")
    rows = "".join(
        f"<tr><td>{_severity(rule)}</td><td>{_link(rule['dataset'])}</td>"
        f'<th scope="row">{escape(rule["rule"])}</th><td>{escape(rule["dimension"])}</td>'
        f"<td>{escape(found(rule))}</td><td>{escape(asked(rule))}</td></tr>"
        for rule in rules
    )
    return _HEADING + _table("failing", names, rows)


def _severity(rule: Told) -> str:
    kind = "bad" if rule["severity"] == "error" else "mid"
    return f'<span class="chip {kind}">{escape(rule["severity"])}</span>'


def _link(dataset: str) -> str:
    return f'<a href="#{_anchor(dataset)}">{escape(dataset)}</a>'


def _anchor(dataset: str) -> str:
    return "of-" + escape(dataset).replace(".", "-")


def _table(label: str, names: Sequence[str], rows: str) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        f'<div class="card" tabindex="0" role="region" aria-labelledby="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _overview(datasets: Sequence[Told], trends: Mapping[str, Sequence[ScorePoint]]) -> str:
    names = ("dataset", "score", "over time", *DIMENSIONS, "rows", "rules", "quarantined")
    rows = "".join(_row(each, trends.get(each["dataset"], ())) for each in datasets)
    return '<h2 id="scores">Scores</h2>' + _table("scores", names, rows)


def _row(dataset: Told, points: Sequence[ScorePoint]) -> str:
    name = dataset["dataset"]
    series = [(point.measured_at, point.score) for point in points]
    dimensions = "".join(f'<td class="num">{_chip(dataset["dimensions"][each])}</td>' for each in DIMENSIONS)
    refused = sum(dataset["quarantined"].values())
    return (
        f'<tr><th scope="row">{_link(name)}{_stale(dataset)}</th>'
        f'<td class="num">{_chip(dataset["score"])}</td>'
        f"<td>{chart(series, f'Score of {name}', width=150, height=34)}</td>{dimensions}"
        f'<td class="num">{dataset["rows"]:,}</td><td class="num">{len(dataset["rules"]):,}</td>'
        f'<td class="num">{refused:,}</td></tr>'
    )


def _stale(dataset: Told) -> str:
    return "" if dataset["current"] else ' <span class="chip none">counted before a change</span>'


def _chip(score: float | None) -> str:
    if score is None:
        return '<span class="chip none" title="no rule judges this">none</span>'
    kind = "good" if score >= _GOOD else "mid" if score >= _MID else "bad"
    return f'<span class="chip {kind}">{_number(score)}</span>'


def _number(score: float | None) -> str:
    return "none" if score is None else score_text(score)


def _details(datasets: Sequence[Told], trends: Mapping[str, Sequence[ScorePoint]]) -> str:
    parts = "".join(_detail(each, trends.get(each["dataset"], ())) for each in datasets)
    return f"<h2>Every rule</h2>{parts}"


def _detail(dataset: Told, points: Sequence[ScorePoint]) -> str:
    name = dataset["dataset"]
    rules = sorted(dataset["rules"], key=lambda rule: (rule["passed"], rule["severity"], rule["rule"]))
    rows = "".join(
        f'<tr><td>{_verdict(rule)}</td><th scope="row">{escape(rule["rule"])}</th>'
        f"<td>{escape(rule['dimension'])}</td><td>{escape(rule['severity'])}</td>"
        f"<td>{escape(found(rule))}</td><td>{escape(asked(rule))}</td></tr>"
        for rule in rules
    )
    heads = "".join(
        f'<th scope="col">{each}</th>'
        for each in ("verdict", "rule", "dimension", "severity", "found", "asked")
    )
    is_open = " open" if any(not rule["passed"] for rule in rules) else ""
    return (
        f'<details id="{_anchor(name)}"{is_open}><summary>{escape(name)}</summary>'
        f'<div class="charts">{"".join(_charts(name, points))}</div>{_refused(dataset)}'
        f'<div class="card"><table><caption>Rules of {escape(name)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _verdict(rule: Told) -> str:
    if not rule["judged"]:
        return '<span class="chip none">not yet</span>'
    if rule["passed"]:
        return '<span class="chip good">holds</span>'
    return f'<span class="chip {"bad" if rule["severity"] == "error" else "mid"}">fails</span>'


def _charts(dataset: str, points: Sequence[ScorePoint]) -> Iterator[str]:
    for dimension in DIMENSIONS:
        series = [(point.measured_at, point.dimensions.get(dimension)) for point in points]
        if any(score is not None for _, score in series):
            drawn = chart(series, f"{dimension} of {dataset}", width=190, height=54)
            yield f"<figure>{drawn}<figcaption>{dimension}</figcaption></figure>"


def _refused(dataset: Told) -> str:
    refused = dataset["quarantined"]
    if not refused:
        return ""
    listed = ", ".join(f"{escape(rule)} {rows:,}" for rule, rows in sorted(refused.items()))
    return f'<p class="soft ok">In quarantine, by rule: {listed}</p>'
