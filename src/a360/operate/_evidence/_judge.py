"""From proofs to colours: a control is green if each of its proofs passed, red if one of them failed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from a360._progress import Progress
from a360.operate._evidence._checks import CHECKS, Finding, Subject, run_checks
from a360.operate._evidence._controls import CONTROLS, Control, Rule
from a360.operate._evidence._tests import run_tests, says_of

type Colour = Literal["green", "red", "grey"]


@dataclass(frozen=True, slots=True)
class Proof:
    """A check of the lake, or a test of the software, and how it came out."""

    kind: Literal["check", "test"]
    name: str
    says: str
    finding: Finding

    def to_json(self) -> dict[str, Any]:
        """The proof as JSON."""
        found = self.finding
        return {
            "kind": self.kind,
            "name": self.name,
            "says": self.says,
            "outcome": found.outcome,
            "found": found.found,
            "milliseconds": found.milliseconds,
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """A control with its colour, and why it has it."""

    rule: Rule
    control: Control
    colour: Colour
    why: str

    def to_json(self) -> dict[str, Any]:
        """The control as JSON; proofs are named, and told of once."""
        control = self.control
        return {
            "id": control.id,
            "title": control.title,
            "kind": control.kind,
            "rule": self.rule.rule,
            "status": self.rule.status,
            "does": control.does,
            "yours": control.yours,
            "proofs": [*control.checks, *control.tests],
            "colour": self.colour,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Evidence:
    """All controls and all proofs."""

    controls: tuple[Judged, ...]
    proofs: Mapping[str, Proof]

    @property
    def tally(self) -> dict[str, int]:
        """How many controls have each colour."""
        counted = Counter(each.colour for each in self.controls)
        return {colour: counted[colour] for colour in ("green", "red", "grey")}

    @property
    def failed(self) -> list[Proof]:
        """The proofs that failed."""
        return [each for each in self.proofs.values() if each.finding.outcome == "failed"]


def gather(
    subject: Subject,
    *,
    tests: Path | None = None,
    rules: Sequence[Rule] = CONTROLS,
    progress: Progress | None = None,
) -> Evidence:
    """Run all proofs, and judge the controls.

    Args:
        subject: The lake that is looked at.
        tests: A checkout of the software; without it its tests are not run.
        rules: What is to be proven.
        progress: Told how far it is.
    """
    controls = [control for rule in rules for control in rule.controls]
    named = _once(name for control in controls for name in control.tests)
    # Tests first: where there are none, that is said before anything is looked at.
    ran = run_tests(tests, named, progress) if tests else {}
    looked = run_checks(subject, _once(name for control in controls for name in control.checks), progress)
    says = says_of(tests, named) if tests else {}
    proofs = {name: Proof("check", name, CHECKS[name].says, found) for name, found in looked.items()}
    not_run = Finding("not run", "no tests were named (--tests)")
    proofs |= {name: Proof("test", name, says.get(name, ""), ran.get(name, not_run)) for name in named}
    return Evidence(tuple(_judge(rule, each, proofs) for rule in rules for each in rule.controls), proofs)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _judge(rule: Rule, control: Control, proofs: Mapping[str, Proof]) -> Judged:
    own = [proofs[name] for name in (*control.checks, *control.tests)]
    counted = Counter(proof.finding.outcome for proof in own)
    if not own:
        return Judged(rule, control, "grey", "outside of the software")
    if counted["failed"]:
        return Judged(rule, control, "red", f"{counted['failed']} of {len(own)} proofs failed")
    if counted["not run"]:
        return Judged(rule, control, "grey", f"{counted['not run']} of {len(own)} proofs were not run")
    return Judged(rule, control, "green", f"{len(own)} of {len(own)} proofs passed")
