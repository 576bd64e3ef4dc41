"""Holds back a change that would lose data: two syntheses compared, without an account.

    cd infra && python -P -m infra.diff_gate BEFORE AFTER

BEFORE and AFTER are folders that `cdk synth -o` wrote. What holds data (`policy/custody.py`) may not be
deleted, be replaced, or cease to be kept when its stack is; `policy/losses.yaml` lets single changes pass,
each with a reason and a last day. Exits 1 where something is held back.

A property replaces a resource when the type's schema at CloudFormation says that it can be set on creation
only (`createOnlyProperties`) and it changes, or names a resource that is itself replaced. The schemas are
those that cfn-lint brings along.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from a360.errors import OperatorError
from infra.assembly import Resources, read_assembly, referenced
from infra.policy.custody import Custody, custody_of

LOSSES = Path(__file__).parent / "policy" / "losses.yaml"
KEPT = frozenset({"Retain", "Snapshot", "RetainExceptOnCreate"})
_REGION = "us-east-1"
_ADVICE = """Held back: {} of what holds data. Keep its name and what it was created with;
or move the data first and let the change pass in policy/losses.yaml.
"""

type Change = Literal["deleted", "replaced", "no-longer-kept"]


class Loss(BaseModel):
    """A change that may pass, until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stack: str
    resource: str
    change: Change
    reason: str = Field(min_length=20)
    until: date


@dataclass(frozen=True, slots=True)
class Finding:
    """A resource that holds data, and what would become of it."""

    stack: str
    resource: str
    kind: str
    change: Change
    because: str

    def __str__(self) -> str:
        return f"{self.stack}: {self.resource} ({self.kind}) would be {self.change}: {self.because}"


def compare(before: Mapping[str, Resources], after: Mapping[str, Resources]) -> list[Finding]:
    """What would become of what holds data."""
    return [
        finding
        for stack, old in before.items()
        for finding in _compare_stack(stack, old, after.get(stack, {}))
    ]


def _compare_stack(stack: str, old: Resources, new: Resources) -> Iterator[Finding]:
    replaced = replacements(old, new)
    for name, resource in old.items():
        if custody_of(resource) is not Custody.HOLDS:
            continue
        kind = resource["Type"]
        if name not in new:
            yield Finding(stack, name, kind, "deleted", "the templates have it no more under this name")
            continue
        if name in replaced:
            yield Finding(stack, name, kind, "replaced", replaced[name])
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            was, now = resource.get(policy), new[name].get(policy)
            if was in KEPT and now not in KEPT:
                yield Finding(stack, name, kind, "no-longer-kept", f"{policy} was {was} and is {now}")


def replacements(old: Resources, new: Resources) -> dict[str, str]:
    """The resources of a stack that CloudFormation would make anew, each with why."""
    found: dict[str, str] = {}
    for name in old.keys() & new.keys():
        if old[name]["Type"] != new[name]["Type"]:
            found[name] = f"its type becomes {new[name]['Type']}"
            continue
        for pointer in create_only(old[name]["Type"]):
            was, now = (list(_values(each.get("Properties", {}), pointer)) for each in (old[name], new[name]))
            if was != now:
                found[name] = f"{'.'.join(pointer)} can be set on creation only"
    _follow(found, old, new)
    return found


def _follow(found: dict[str, str], old: Resources, new: Resources) -> None:
    """Add those that name a replaced one where only creation can."""
    waiting = (old.keys() & new.keys()) - found.keys()
    while True:
        more = {
            name: f"{'.'.join(pointer)} names {target}, which is replaced"
            for name in waiting
            for pointer in create_only(new[name]["Type"])
            for value in _values(new[name].get("Properties", {}), pointer)
            for target in referenced(value)
            if target in found
        }
        if not more:
            return
        found |= more
        waiting -= more.keys()


@cache
def create_only(kind: str) -> tuple[tuple[str, ...], ...]:
    """The properties of a type that replace it when they change, or may; as paths.

    Raises:
        cfnlint's ResourceNotFoundError: CloudFormation has no such type.
    """
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    told = (*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ()))
    return tuple(tuple(each.split("/")[2:]) for each in told)


def _values(value: Any, pointer: tuple[str, ...]) -> Iterator[Any]:  # noqa: ANN401 - templates are JSON
    if not pointer:
        yield value
    elif isinstance(value, list):
        rest = pointer[1:] if pointer[0] == "*" else pointer
        for each in value:
            yield from _values(each, rest)
    elif isinstance(value, Mapping) and pointer[0] in value:
        yield from _values(value[pointer[0]], pointer[1:])


def read_losses(path: Path = LOSSES) -> tuple[Loss, ...]:
    """The changes that may pass.

    Raises:
        OperatorError: the file says something else.
    """
    try:
        told = yaml.safe_load(path.read_text("utf-8")) or []
        return tuple(TypeAdapter(list[Loss]).validate_python(told))
    except (yaml.YAMLError, ValidationError) as error:
        raise OperatorError(
            "setting-invalid",
            "The list of changes that may lose data is not in order",
            where=str(path),
            found=str(error),
            next_step="give each entry a stack, resource, change, reason of a sentence and until (a day)",
        ) from error


def held_back(findings: Iterable[Finding], losses: Iterable[Loss], today: date) -> list[Finding]:
    """The findings that no entry lets pass on this day."""
    passed = {(each.stack, each.resource, each.change) for each in losses if today <= each.until}
    return [each for each in findings if (each.stack, each.resource, each.change) not in passed]


def main(arguments: list[str] | None = None) -> None:
    """Compare the two folders that are named."""
    told = sys.argv[1:] if arguments is None else arguments
    if len(told) != 2:  # noqa: PLR2004 - before and after
        raise SystemExit("Name two folders: python -P -m infra.diff_gate BEFORE AFTER")
    try:
        before, after = (read_assembly(Path(each)) for each in told)
        findings = compare(before, after)
        held = held_back(findings, read_losses(), datetime.now(UTC).date())
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error
    sys.stdout.writelines(f"{each}\n" for each in held)
    if held:
        sys.stdout.write(_ADVICE.format(len(held)))
        raise SystemExit(1)
    count = sum(custody_of(each) is Custody.HOLDS for stack in before.values() for each in stack.values())
    sys.stdout.write(f"No loss: {count} resources that hold data, {len(findings)} changes let pass.\n")


if __name__ == "__main__":
    main()
