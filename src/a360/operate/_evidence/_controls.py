"""The controls: what rules ask for, what the software does about it, what it leaves to people, and proofs.

They are declared in `controls/`, a file for each part of the rules, and stated nowhere else: `docs/hipaa.md`
is made of them, and `a360 evidence` runs what they name.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

type Kind = Literal["standard", "required", "addressable", "specification", "requirement"]


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One paragraph of a rule.

    Attributes:
        id: Its citation.
        title: What it is called.
        kind: In the Security Rule a standard, or an implementation specification that is required or
            addressable (45 CFR 164.306(d)); elsewhere a standard, a specification or a requirement.
        does: What the software does; None where the control is outside of it.
        yours: What stays with the organisation.
        page: The page of the documentation that tells more.
        checks: What is looked at in the lake.
        tests: The tests of the software, as pytest names them.
    """

    id: str
    title: str
    kind: Kind
    does: str | None = None
    yours: str = ""
    page: str | None = None
    checks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the rules, with its controls in their order."""

    rule: str
    status: Literal["in force", "proposed"]
    controls: tuple[Control, ...]


def _declared(folder: Path) -> tuple[Rule, ...]:
    return tuple(msgspec.yaml.decode(path.read_bytes(), type=Rule) for path in sorted(folder.glob("*.yaml")))


CONTROLS: Final = _declared(Path(__file__).parent / "controls")
"""All of them."""
