"""The controls as the tables of `docs/hipaa.md`."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from a360.operate._evidence._controls import CONTROLS, Control, Rule


def markdown(rules: Sequence[Rule] = CONTROLS) -> str:
    """A table for each part of the rules; links are those of a page in `docs/`."""
    return "\n".join(line for rule in rules for line in _table(rule))


def _table(rule: Rule) -> Iterator[str]:
    yield f"## {rule.rule}"
    yield ""
    yield "| control | | what the software does | what stays with the organisation | proof |"
    yield "|---|---|---|---|---|"
    for control in rule.controls:
        does = "Outside of this software." if control.does is None else _told(control)
        title = f"{control.title} ({control.kind})"
        yield f"| {control.id} | {title} | {does} | {control.yours} | {_proofs(control)} |"
    yield ""


def _told(control: Control) -> str:
    page = PurePosixPath(control.page or "")
    return f"{control.does} [{page.stem}]({page})"


def _proofs(control: Control) -> str:
    checks = [f"`{name}`" for name in control.checks]
    tests = [f"[{test.partition('::')[2]}](../{test.partition('::')[0]})" for test in control.tests]
    return ", ".join([*checks, *tests])
