"""What changes about a dataset beside its columns: version, tags, rules, the step, table properties."""

from collections.abc import Iterable, Iterator, Mapping

from a360.contract._findings import Finding
from a360.contract._marks import MARKS, VERSION, Marks, read_marks, rules_of
from a360.contract._plan import Step, TablePlan

UNSETTLED = frozenset({"proposed", "draft"})
"""States of a contract in which it may still break: nobody has been promised anything."""


def version_findings(table: TablePlan, marks: Marks, findings: Iterable[Finding]) -> Iterator[Finding]:
    """A version never falls, and what breaks readers has a new major version."""
    old, new = parse_version(marks.version), parse_version(table.version)
    if old is None or new is None:
        return
    if new < old:
        yield Finding(
            "version",
            "",
            f"the table carries out version {marks.version} already, and the contract has {table.version}",
            instead=f"take the newer contracts, or write a version above {marks.version}",
        )
        return
    breaking = [finding.what for finding in findings if finding.breaking and not finding.refused]
    if breaking and needs_major(old, new) and table.status not in UNSETTLED:
        yield Finding(
            "version",
            "",
            f"this breaks readers of version {marks.version}: {', '.join(breaking)}",
            instead=f"write version: {next_major(old)}, and tell those who read {table.dataset}",
        )


def parse_version(text: str | None) -> tuple[int, int, int] | None:
    """The three numbers of a version."""
    parts = (text or "").split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # noqa: PLR2004 - major, minor, patch
        return None
    major, minor, patch = map(int, parts)
    return major, minor, patch


def needs_major(old: tuple[int, int, int], new: tuple[int, int, int]) -> bool:
    """Whether a breaking change from one version to the other goes against semantic versioning."""
    return old[0] > 0 and new[0] <= old[0]


def next_major(version: tuple[int, int, int]) -> str:
    """The next version that may break."""
    return f"{version[0] + 1}.0.0"


def mark_findings(table: TablePlan, marks: Marks, step: Step | None) -> Iterator[Finding]:
    """What the table's marks say differently from the plan; silent where they say nothing."""
    if marks.tags is not None and marks.tags != table.tags:
        yield from _tags(set(marks.tags), set(table.tags))
    if step is None:
        return
    if marks.rules is not None:
        yield from _rules(marks.rules, rules_of(step), step)
    if marks.step is not None and marks.step != step.fingerprint:
        yield Finding(
            "step",
            "",
            "what makes the rows has changed: the next `a360 run` computes all of them anew",
            "rows are as they are until then",
            "old snapshots keep the rows as they were computed",
        )


def _tags(old: set[str], new: set[str]) -> Iterator[Finding]:
    told = [*(f"+{tag}" for tag in sorted(new - old)), *(f"-{tag}" for tag in sorted(old - new))]
    yield Finding(
        "tags",
        "",
        f"tag the dataset {' '.join(told)}",
        "who may read it follows what lake.yaml grants for its tags",
        "old snapshots are under the new policy too",
    )


def _rules(old: Mapping[str, str], new: Mapping[str, str], step: Step) -> Iterator[Finding]:
    row_rules = {rule.name: rule.severity for rule in step.rules}
    dataset_rules = {rule.name: rule.severity for rule in step.dataset_rules}
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            continue
        word = "new" if name not in old else "gone" if name not in new else "changed"
        if word == "gone":
            effect = "rows that it refused come in at the next run"
        elif name in row_rules:
            effect = (
                "rows that break it go to quarantine at the next run, those that are there included"
                if row_rules[name] == "error"
                else "rows that break it are counted"
            )
        else:
            blocks = dataset_rules.get(name) == "error"
            effect = "the next run commits only if it holds" if blocks else "the next run measures it"
        yield Finding("rule", name, f"rule {name} is {word}", effect, "old snapshots are not measured again")


def property_findings(table: TablePlan, actual: Mapping[str, str]) -> Iterator[Finding]:
    """Properties the plan names, or once named; what others have set beside them is theirs."""
    for name, value in sorted(table.properties.items()):
        if name in MARKS or actual.get(name) == value:
            continue
        if name == VERSION and name in actual:
            yield Finding("version", "", f"carry out version {value}, after {actual[name]}")
        else:
            yield Finding("property", name, f"set {name} to {value}")
    for name in gone_properties(table, actual):
        if name not in MARKS:
            yield Finding("property", name, f"remove {name}")


def unmarked(table: TablePlan, actual: Mapping[str, str]) -> Iterator[Finding]:
    """Marks that no other finding speaks of, as on a table made before there were any."""
    stale = [name for name in sorted(MARKS) if actual.get(name) != table.properties.get(name)]
    if stale:
        yield Finding("property", "", f"note with the table what its contract says: {', '.join(stale)}")


def gone_properties(table: TablePlan, actual: Mapping[str, str]) -> list[str]:
    """The properties that an earlier plan set and this one does not have."""
    declared = read_marks(actual).declared
    return sorted((MARKS | set(declared)) & set(actual) - set(table.properties))
