"""What the commands about the policy do: grants explain, grants review, policy test."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import listed, plain
from a360.contract import (
    EXAMPLES_FILE,
    ColumnDecision,
    TableDecision,
    default_contracts,
    made_plan,
    read_examples,
)
from a360.errors import ContractError, UsageError
from a360.trust.identity import principal_named
from a360.trust.policy import Access, Policy, Principal, notices, run_example
from a360.trust.policy import review as reviewed

_NAMED = 8


def explain(face: Face, name: str, table: str, purpose: str | None, attributes: Sequence[str]) -> int | None:
    """Show decisions and rules: one decision for each purpose."""
    policy = policy_of(face)
    principal = _principal(policy, name, attributes)
    dataset, column = _place(policy, table)
    purposes: Sequence[str | None] = [purpose] if purpose else policy.purposes_of(principal) or [None]
    decisions = [(each, policy.decide(principal, "select", dataset, purpose=each)) for each in purposes]
    told = [
        {
            "principal": name,
            "roles": list(policy.roles_of(principal)),
            "purpose": each,
            **to_json(decision, column),
        }
        for each, decision in decisions
    ]
    shown: list[Any] = []
    for each, decision in decisions:
        shown += _explained(name, each, decision, column)
    face.emit(told, *shown)
    return None


def to_json(decision: TableDecision, column: str | None = None) -> dict[str, Any]:
    """A decision as JSON; of its columns the one that is named, or all."""
    columns = {name: _column_json(each) for name, each in decision.columns.items() if column in {None, name}}
    return {
        "dataset": decision.dataset,
        "allowed": decision.allowed and (column is None or decision.columns[column].allowed),
        "reason": decision.reason,
        "rows": list(decision.where),
        "reads": list(decision.reads),
        "rules": list(decision.rules),
        "columns": columns,
    }


def _column_json(column: ColumnDecision) -> dict[str, Any]:
    told: dict[str, Any] = {"shown": _shown(column), "rules": list(column.rules)}
    if column.cells:
        told["cells"] = [{"rows": list(cell.where), "shown": cell.mask or "clear"} for cell in column.cells]
    return told


def _shown(column: ColumnDecision) -> str:
    if not column.allowed:
        return "hidden"
    return "differs by row" if column.cells else column.mask or "clear"


def _explained(name: str, purpose: str | None, decision: TableDecision, column: str | None) -> list[Any]:
    what = f"{decision.dataset} for {purpose or 'no purpose'}"
    if not decision.allowed:
        head = f"{name} sees nothing of {what}: {decision.reason}."
    else:
        head = f"{name} sees {what}: {decision.reason}."
    lines: list[Any] = [plain(head)]
    if decision.allowed:
        rows = " and ".join(decision.where) or "all"
        lines.append(plain(f"Rows: {rows}" + (f" ({', '.join(decision.rules)})" if decision.rules else "")))
    columns = {each: told for each, told in decision.columns.items() if column in {None, each}}
    lines.append(_columns_table(columns))
    for each, told in columns.items():
        for cell in told.cells:
            rows = " and ".join(cell.where) or "all others"
            lines.append(plain(f"{each} is {cell.mask or 'clear'} in rows: {rows}"))
    return lines


def _columns_table(columns: Mapping[str, ColumnDecision]) -> Table:
    """Columns that show alike, by the same rules, in one line."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = defaultdict(list)
    for name, column in columns.items():
        alike[(_shown(column), column.rules)].append(name)
    body = [[listed(names, _NAMED), shown, "; ".join(rules)] for (shown, rules), names in alike.items()]
    return render.grid(["columns", "shown", "because of"], body, widest=200)


def review(face: Face, table: str | None) -> int | None:
    """Show who sees what; of one table column by column, of all in sums by zone."""
    policy = policy_of(face)
    wanted = [_place(policy, table)[0]] if table else []
    found = reviewed(policy, wanted)
    remarks = [] if table else notices(policy)
    told = [
        {
            "principal": each.principal,
            "kind": each.kind,
            "purpose": each.purpose,
            "dataset": each.decision.dataset,
            "columns": list(each.decision.visible),
            "masked": list(each.masked),
            "rows": list(each.decision.where),
        }
        for each in found
    ]
    shown = _of_table(found) if table else _by_zone(found)
    face.emit({"access": told, "notices": remarks}, shown, *(plain(f"Look at: {each}") for each in remarks))
    return None


def _of_table(found: Sequence[Access]) -> Table:
    body = [
        [
            each.principal,
            each.kind,
            each.purpose,
            f"{len(each.decision.visible)} of {len(each.decision.columns)}",
            len(each.masked),
            " and ".join(each.decision.where) or "all",
        ]
        for each in found
    ]
    return render.grid(["who", "", "purpose", "columns", "masked", "rows"], body)


def _by_zone(found: Sequence[Access]) -> Table:
    groups: dict[tuple[str, str, str, str], list[Access]] = defaultdict(list)
    for each in found:
        groups[(each.principal, each.kind, each.purpose, each.decision.dataset.partition(".")[0])].append(
            each
        )
    body = [
        [
            *key,
            len(group),
            sum(len(each.decision.visible) for each in group),
            sum(len(each.masked) for each in group),
            sum(1 for each in group if each.decision.where),
        ]
        for key, group in groups.items()
    ]
    names = ["who", "", "purpose", "zone", "tables", "columns", "masked", "tables with a filter"]
    return render.grid(names, body)


def test(face: Face, file: Path | None) -> int | None:
    """Run the examples; one that differs makes the command fail."""
    policy = policy_of(face)
    path = file or _folder(face) / EXAMPLES_FILE
    results = [(line, run_example(policy, example)) for line, example in read_examples(path).items()]
    failed = [(line, result) for line, result in results if not result.passed]
    told = [
        {
            "name": result.example.name,
            "file": str(path),
            "line": line,
            "passed": result.passed,
            "differences": list(result.differences),
        }
        for line, result in results
    ]
    lines = [
        plain(f"{path}:{line}: {one.example.name}: {'; '.join(one.differences)}") for line, one in failed
    ]
    face.emit(told, *lines, f"{len(results) - len(failed)} of {len(results)} examples hold")
    return ContractError.exit_code if failed else None


def _folder(face: Face) -> Path:
    return Path(face.settings.contracts or default_contracts())


def policy_of(face: Face) -> Policy:
    """The policy of the contracts that the settings name."""
    settings = face.settings
    return Policy(made_plan(_folder(face), settings.packs, settings.env, settings.cache).plan)


def _principal(policy: Policy, name: str, attributes: Sequence[str]) -> Principal:
    known = principal_named(policy.plan, name)
    if known is None:
        plan = policy.plan.policy
        raise UsageError(
            "usage",
            f"There is no user and no role {name}",
            found="there are "
            + ", ".join([*(user.name for user in plan.users), *(role.name for role in plan.roles)]),
            next_step="name one of these, or add it to lake.yaml",
        )
    given = dict(each.partition("=")[::2] for each in attributes)
    if not all("=" in each for each in attributes):
        raise UsageError("usage", "An attribute is given as NAME=VALUE", next_step="write --attribute site=1")
    return Principal(known.name, known.roles, known.groups, {**known.attributes, **given})


def _place(policy: Policy, text: str) -> tuple[str, str | None]:
    """The table that is named, and the column if one is."""
    dataset, _, column = text.rpartition(".")
    if text in policy.datasets:
        return text, None
    plan = policy.plan
    for table in (*plan.tables, *plan.relations):
        if table.dataset == dataset:
            if column in table.column_names:
                return dataset, column
            raise UsageError(
                "usage",
                f"{dataset} has no column {column}",
                found="it has " + ", ".join(table.column_names),
                next_step="name one of these",
            )
    plan.table(text)  # says which tables there are
    return text, None
