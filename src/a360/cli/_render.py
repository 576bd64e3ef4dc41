"""Answers as a person reads them: tables with aligned numbers, and cells that are never more than text."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from a360.cli._text import listed, number, plain, size

type Rows = Sequence[Mapping[str, Any]]

PARTS = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")
_ZONES = ("bronze", "silver", "gold", "quarantine", "ops")
_WIDEST_CELL = 48
_ROOMY = 90
_NAMED = 5


def grid(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    widest: int = _WIDEST_CELL,
    raw: bool = False,
    right: Sequence[bool] = (),
) -> Table:
    """A table; columns of numbers are aligned to the right, and nothing in a cell is obeyed as markup.

    `raw` shows numbers as the data has them: a year is not 2,026.
    """
    body = [list(row) for row in rows]
    heading = Text(title, style="bold") if title else None
    table = Table(
        box=box.SIMPLE_HEAD, title=heading, title_justify="left", pad_edge=False, collapse_padding=True
    )
    for index, name in enumerate(columns):
        numeric = right[index] if right else any(_is_number(row[index]) for row in body)
        # Too narrow a screen folds headings and text, and never cuts a digit.
        side: JustifyMethod = "right" if numeric else "left"
        table.add_column(Text(plain(name)), justify=side, overflow="fold", no_wrap=index == 0)
    for row in body:
        table.add_row(*(_cell(value, widest, raw=raw) for value in row))
    return table


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object, widest: int, *, raw: bool) -> Text:
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int | float) and not raw:
        return Text(number(value))
    text = plain(value)
    return Text(text if len(text) <= widest else f"{text[: widest - 1]}…")


def steps(rows: Rows, width: int, *, title: str = "") -> list[Table]:
    """The steps of a job: those up to silver account for what they read, gold ones make rows of their own."""
    refined = [row for row in rows if not _is_gold(row)]
    gold = [row for row in rows if _is_gold(row)]
    used = [name for name in PARTS if any(row[name] for row in refined)] or ["landed"]
    end = {"rows out": "output_rows", **({"seconds": "seconds"} if width >= _ROOMY else {})}
    accounted = {name: name for name in ("dataset", "read", *used)} | end
    computed = {"dataset": "dataset", "rows read": "read"} | end
    return [
        grid(list(shown), [[row[name] for name in shown.values()] for row in part], title=title)
        for part, shown, title in ((refined, accounted, title), (gold, computed, "" if refined else title))
        if part
    ]


def _is_gold(row: Mapping[str, Any]) -> bool:
    return str(row["dataset"]).startswith("gold.")


def committed(rows: Rows) -> str:
    """How many of the datasets have something new."""
    changed = sum(row["commit_id"] is not None for row in rows)
    return f"{changed} of {len(rows)} datasets changed" if changed else "Nothing new: nothing was committed."


def reconciled(rows: Rows) -> list[str]:
    """Lines that add up what was read and what became of it; each step has proven its own counts."""
    accounted = [row for row in rows if not _is_gold(row)]
    if not accounted:
        return []
    read = sum(row["read"] for row in accounted)
    parts = {name: sum(row[name] for row in accounted) for name in PARTS}
    listed = " + ".join(f"{number(count)} {name}" for name, count in parts.items() if count) or "0"
    return [f"{number(read)} read {'=' if read == sum(parts.values()) else 'is not'} {listed}"]


def rejected(rows: Rows) -> list[str]:
    """Where what was rejected can be seen, with rule and reason."""
    names = sorted({row["dataset"].partition(".")[2] for row in rows if row["quarantined"]})
    if not names:
        return []
    total = sum(row["quarantined"] for row in rows)
    return [f"{number(total)} rejected, with rule and reason, in quarantine: {', '.join(names)}"]


def ways(rows: Rows) -> list[str]:
    """How datasets were brought up to date, and why so: a line for those that share both."""
    alike: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.get("way") not in {None, "nothing"}:
            alike.setdefault((str(row["way"]), str(row["why"])), []).append(str(row["dataset"]))
    return [f"{way.replace('_', ' ')}, {why}: {listed(names, _NAMED)}" for (way, why), names in alike.items()]


def tables(rows: Rows, *, title: str = "") -> Table:
    """Tables by zone, in the order in which data passes them."""
    order = {zone: place for place, zone in enumerate(_ZONES)}
    ordered = sorted(rows, key=lambda row: (order.get(row["namespace"], len(order)), row["name"]))
    body = [[row["namespace"], row["name"], row["rows"], size(row["bytes"]), row["files"]] for row in ordered]
    return grid(["zone", "dataset", "rows", "size", "files"], body, title=title)


def quality(datasets: Rows, *, title: str = "", dimensions: Sequence[str] = ()) -> Table:
    """A line a dataset: its score, as a whole and by dimension, and how many of its rules do not hold."""
    body = [
        [
            each["dataset"],
            each["rows"],
            each["score"],
            *(each["dimensions"][name] for name in dimensions),
            len(each["rules"]),
            _failing(each, "error"),
            _failing(each, "warning"),
            sum(each["quarantined"].values()),
        ]
        for each in datasets
    ]
    names = ["dataset", "rows", "score", *dimensions, "rules", "errors", "warnings", "quarantined"]
    return grid(names, body, title=title)


def _failing(dataset: Mapping[str, Any], severity: str) -> int:
    return sum(not rule["passed"] and rule["severity"] == severity for rule in dataset["rules"])


def columns(described: Rows) -> Table:
    """The columns of a table with their meaning."""
    body = [[each["name"], each["type"], each["sensitivity"], each["description"]] for each in described]
    return grid(["column", "type", "sensitivity", "description"], body, widest=100)


def transposed(rows: Rows) -> Table:
    """Rows side by side, a line a column: how a wide table fits a screen."""
    body = [[name, *(_value(row[name]) for row in rows)] for name in rows[0]]
    return grid(["column", *(f"row {place}" for place in range(1, len(rows) + 1))], body, widest=24, raw=True)


def answer(names: Sequence[str], rows: Rows, numeric: Collection[str] = ()) -> Table:
    """The rows of a query; `numeric` names the columns of numbers, whose decimals JSON has as text."""
    body = [[_value(row[name]) for name in names] for row in rows]
    return grid(names, body, raw=True, right=[name in numeric for name in names])


def _value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
