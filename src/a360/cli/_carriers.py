"""What `a360 grants carriers` does."""

from dataclasses import asdict
from typing import Any

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._policy import policy_of
from a360.cli._text import plain
from a360.contract import Carriers
from a360.errors import UsageError


def carriers(face: Face, name: str | None) -> int | None:
    """Show what Lake Formation and Athena are told: of one principal in full, of all in numbers."""
    found = policy_of(face).plan.carriers
    if name:
        found = _only(found, name)
    told = {
        "principals": [each.name for each in found.principals],
        "tags": found.tags,
        "assignments": [asdict(each) for each in found.assignments],
        "tag_grants": [
            {"principal": each.principal, "expression": dict(each.expression)} for each in found.tag_grants
        ],
        "filters": [asdict(each) for each in found.filters],
        "views": [
            {
                "name": each.name,
                "principal": each.principal,
                "dataset": each.decision.dataset,
                "sql": each.sql,
            }
            for each in found.views
        ],
    }
    face.emit(told, *(_in_full(found) if name else _in_numbers(found)))
    return None


def _only(found: Carriers, name: str) -> Carriers:
    names = [each.name for each in found.principals]
    if name not in names:
        raise UsageError(
            "usage",
            f"There is no principal {name}",
            found="there are " + ", ".join(names),
            next_step="name one of these",
        )
    return Carriers(
        tuple(each for each in found.principals if each.name == name),
        found.tags,
        found.assignments,
        tuple(each for each in found.tag_grants if each.principal == name),
        tuple(each for each in found.filters if each.principal == name),
        tuple(each for each in found.views if each.principal == name),
    )


def _in_full(found: Carriers) -> list[Any]:
    shown: list[Any] = []
    for grant in found.tag_grants:
        terms = (f"{key} in ({', '.join(values)})" for key, values in grant.expression)
        shown.append(plain("SELECT where " + " and ".join(terms)))
    rows = [[each.dataset, len(each.columns), each.rows or "all"] for each in found.filters]
    if rows:
        shown.append(render.grid(["data cell filter on", "columns", "rows"], rows))
    return [*shown, *(f"{each.sql};\n" for each in found.views)]


def _in_numbers(found: Carriers) -> list[Any]:
    rows = []
    for principal in found.principals:
        kinds = (found.tag_grants, found.filters, found.views)
        rows.append(
            [principal.name, *(sum(one.principal == principal.name for one in kind) for kind in kinds)]
        )
    return [render.grid(["principal", "tag grants", "data cell filters", "views"], rows)]
