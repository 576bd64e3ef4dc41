"""Where relationships lead, and in which order that lets steps run."""

from collections.abc import Collection, Iterable, Mapping

from a360.contract._load import Dataset, LakeContracts, TextFile, parse_json

_ELSEWHERE = ("silver", "gold")


def split_target(contracts: LakeContracts, dataset: Dataset, to: str) -> tuple[str | None, str]:
    """The dataset and column `to` names; no dataset where none of that name is declared.

    A name without a zone is looked up in the dataset's own zone, then in silver, then in gold.
    """
    *names, column = to.split(".")
    known = {*contracts.datasets, *contracts.unreadable}
    if len(names) > 1:
        name = ".".join(names)
        return (name if name in known else None), column
    zones = dict.fromkeys((dataset.zone, *_ELSEWHERE))
    return next((f"{zone}.{names[0]}" for zone in zones if f"{zone}.{names[0]}" in known), None), column


def resource_types(contracts: LakeContracts, dataset: Dataset) -> tuple[str, ...]:
    """The FHIR resource types a dataset's views read, each once."""
    views = (contracts.views.get(name) for name in dataset.contract.a360.views)
    types = (resource_type(view) for view in views if view)
    return tuple(dict.fromkeys(name for name in types if name))


def resource_type(view: TextFile) -> str:
    """The FHIR resource type a view reads; empty where it does not say."""
    definition, _, _ = parse_json(view.text)
    found = definition.get("resource") if isinstance(definition, dict) else None
    return found if isinstance(found, str) else ""


def in_order(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Names so that each comes after what it needs, else by name; a circle is cut where least is missing."""
    left = set(needs)
    order: list[str] = []
    while left:
        waits = {name: len((set(needs[name]) & left) - {name}) for name in left}
        fewest = min(waits.values())
        ready = sorted(name for name, waiting in waits.items() if waiting == fewest)
        ready = ready if fewest == 0 else ready[:1]
        order += ready
        left -= set(ready)
    return order


def circle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle of names that need each other, beginning and ending with the same name; empty if none."""
    done: set[str] = set()
    for start in sorted(needs):
        path: list[str] = []
        stack = [(start, iter(sorted(needs[start])))]
        while stack:
            name, following = stack[-1]
            if not path or path[-1] != name:
                path.append(name)
            upcoming = next((item for item in following if item in needs and item not in done), None)
            if upcoming is None:
                done.add(name)
                path.pop()
                stack.pop()
            elif upcoming in path:
                return [*path[path.index(upcoming) :], upcoming]
            else:
                stack.append((upcoming, iter(sorted(needs[upcoming]))))
    return []
