"""Answers as a person reads them: tables with aligned numbers, and cells that are never more than text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from a360.cli._text import number, plain, size

type Rows = Sequence[Mapping[str, Any]]

PARTS = ("landed", "quarantined", "duplicates", "unchanged", "superseded", "filtered")
_ZONES = ("bronze", "silver", "gold", "quarantine", "ops")
_WIDEST_CELL = 48


def grid(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", widest: int = _WIDEST_CELL
) -> Table:
    """A table; columns of numbers are aligned to the right, and nothing in a cell is obeyed as markup."""
    body = [list(row) for row in rows]
    heading = Text(title, style="bold") if title else None
    table = Table(box=box.SIMPLE_HEAD, title=heading, title_justify="left", pad_edge=False)
    for index, name in enumerate(columns):
        numeric = any(_is_number(row[index]) for row in body)
        table.add_column(Text(plain(name)), justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*(_cell(value, widest) for value in row))
    return table


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object, widest: int) -> Text:
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int | float):
        return Text(number(value))
    text = plain(value)
    return Text(text if len(text) <= widest else f"{text[: widest - 1]}…")


def steps(rows: Rows, *, title: str = "") -> Table:
    """The steps of a job with their counts."""
    used = [name for name in PARTS if any(row[name] for row in rows)] or ["landed"]
    columns = ["dataset", "read", *used, "output rows", "seconds", "committed"]
    body = [
        [
            row["dataset"],
            row["read"],
            *(row[name] for name in used),
            row["output_rows"],
            row["seconds"],
            "yes" if row["commit_id"] else "nothing new",
        ]
        for row in rows
    ]
    return grid(columns, body, title=title)


def reconciled(rows: Rows) -> str:
    """One line that adds the counts of all steps up; each step has proven its own before it committed."""
    read = sum(row["read"] for row in rows)
    parts = {name: sum(row[name] for row in rows) for name in PARTS}
    listed = " + ".join(f"{number(count)} {name}" for name, count in parts.items() if count) or "0"
    return f"{number(read)} read {'=' if read == sum(parts.values()) else 'against'} {listed}"


def rejected(rows: Rows) -> list[str]:
    """How to see what was rejected, one line a dataset."""
    return [
        f'Rejected: a360 query "SELECT rule, reason, count(*) FROM quarantine.{short} GROUP BY ALL"'
        for short in sorted({row["dataset"].partition(".")[2] for row in rows if row["quarantined"]})
    ]


def tables(rows: Rows, *, title: str = "") -> Table:
    """Tables by zone, in the order in which data passes them."""
    order = {zone: place for place, zone in enumerate(_ZONES)}
    ordered = sorted(rows, key=lambda row: (order.get(row["namespace"], len(order)), row["name"]))
    body = [[row["namespace"], row["name"], row["rows"], size(row["bytes"]), row["files"]] for row in ordered]
    return grid(["zone", "dataset", "rows", "size", "files"], body, title=title)


def quality(datasets: Rows, *, title: str = "") -> Table:
    """A line a dataset: its score, and how many of its rules do not hold."""
    body = [
        [
            each["dataset"],
            each["rows"],
            each["score"],
            len(each["rules"]),
            _failing(each, "error"),
            _failing(each, "warning"),
            sum(each["quarantined"].values()),
        ]
        for each in datasets
    ]
    return grid(["dataset", "rows", "score", "rules", "errors", "warnings", "quarantined"], body, title=title)


def _failing(dataset: Mapping[str, Any], severity: str) -> int:
    return sum(not rule["passed"] and rule["severity"] == severity for rule in dataset["rules"])


def failing_rules(datasets: Rows) -> list[Table]:
    """The rules that do not hold, with how many rows fail or what was measured."""
    failing = sorted(
        (rule for each in datasets for rule in each["rules"] if not rule["passed"]),
        key=lambda rule: (rule["severity"], rule["dataset"], rule["rule"]),
    )
    names = ["severity", "dataset", "rule", "failed", "checked", "measured"]
    rows = [[rule[name] for name in names] for rule in failing]
    return [grid(names, rows, title="Rules that do not hold")] if rows else []


def columns(described: Rows) -> Table:
    """The columns of a table with their meaning."""
    body = [[each["name"], each["type"], each["sensitivity"], each["description"]] for each in described]
    return grid(["column", "type", "sensitivity", "description"], body, widest=100)


def transposed(rows: Rows) -> Table:
    """Rows side by side, a line a column: how a wide table fits a screen."""
    body = [[name, *(_value(row[name]) for row in rows)] for name in rows[0]]
    return grid(["column", *(f"row {place}" for place in range(1, len(rows) + 1))], body, widest=24)


def answer(names: Sequence[str], rows: Rows) -> Table:
    """The rows of a query."""
    return grid(names, [[_value(row[name]) for name in names] for row in rows])


def _value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
