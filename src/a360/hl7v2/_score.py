"""How far our FHIR is that of another converter: leaf by leaf, resources paired by what they say."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from a360.hl7v2._convert import convert
from a360.hl7v2._parse import parse
from a360.hl7v2._store import Options, Resource

type Leaf = tuple[str, str]

# Left out of the comparison on both sides, each with its reason; what was left out is counted.
EXCLUDED: dict[str, str] = {
    r"[A-Za-z]+\.id": "ids are each converter's own; references are compared by what they lead to",
    r"[A-Za-z]+\.text\..*": "narrative: the other converter tells when it ran",
    r"[A-Za-z]+\.meta\.lastUpdated": "ours says when the message was sent, so that later messages win",
    r"Provenance\.target\.reference": "theirs is the bundle, which we do not keep; ours the message header",
    r"(?:Organization|Device|Condition)\.identifier\.type\.coding\.display": (
        "words of table 0301: theirs are definitions, the guide's are displays"
    ),
}
_EXCLUDED = [(re.compile(f"{path}\\Z"), reason) for path, reason in EXCLUDED.items()]
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
# Both converters put local names of systems under a URI of their own.
_LOCAL = re.compile(r"(?:http://example\.com/v2-to-fhir-converter/|urn:a360:hl7v2:)([A-Za-z]+)[/:]")


@dataclass(slots=True)
class Tally:
    """Leaves that agree, that were expected and that were made."""

    agreed: int = 0
    expected: int = 0
    made: int = 0
    messages: int = 0
    excluded: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """The share of what was expected that was made."""
        return self.agreed / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        """The share of what was made that was expected."""
        return self.agreed / self.made if self.made else 1.0

    def add(self, other: "Tally") -> None:
        """Count another tally in."""
        self.agreed += other.agreed
        self.expected += other.expected
        self.made += other.made
        self.messages += other.messages
        self.excluded.update(other.excluded)
        self.missing.update(other.missing)
        self.extra.update(other.extra)


@dataclass(frozen=True, slots=True)
class Score:
    """How a folder of messages fared, by type of message and over all."""

    by_type: Mapping[str, Tally]
    overall: Tally
    faults: tuple[str, ...] = ()


def score(messages: Path, expected: Path, options: Options | None = None) -> Score:
    """Convert every `NAME.hl7` of a folder and compare with `NAME-expected.json` of the other."""
    by_type: dict[str, Tally] = {}
    overall = Tally()
    faults: list[str] = []
    for path in sorted(messages.glob("*.hl7")):
        wanted = expected / f"{path.stem}-expected.json"
        if not wanted.is_file():
            faults.append(f"{path.name}: no expected bundle")
            continue
        parsed = parse(path.read_bytes())
        made: list[Resource] = []
        kind = "?"
        for message in parsed.messages:
            kind = f"{message.code}^{message.event}"
            conversion = convert(message, options)
            made += conversion.resources
            faults += [f"{path.name}: {reject}" for reject in conversion.rejects]
        faults += [f"{path.name}: {reject}" for reject in parsed.rejects]
        bundle = json.loads(wanted.read_text(encoding="utf-8-sig"))
        tally = compare([entry["resource"] for entry in bundle["entry"]], made)
        by_type.setdefault(kind, Tally()).add(tally)
        overall.add(tally)
    return Score(by_type, overall, tuple(faults))


def compare(expected: list[Resource], made: list[Resource]) -> Tally:
    """The leaves of two sets of resources, paired by type and by most leaves in common."""
    tally = Tally(messages=1)
    wanted = [_leaves(resource, tally) for resource in expected]
    given = [_leaves(resource, tally) for resource in made]
    pairs = _pairs(expected, made, wanted, given)
    names = {
        _name(expected[left]): _name(made[right]) for left, right in pairs.items() if "id" in expected[left]
    }
    left_over = set(range(len(made))) - set(pairs.values())
    for left, leaves in enumerate(wanted):
        right = pairs.get(left)
        mine = given[right] if right is not None else Counter()
        theirs = Counter({_renamed(leaf, names): times for leaf, times in leaves.items()})
        common = _common(theirs, mine)
        tally.agreed += common.total()
        tally.expected += theirs.total()
        tally.made += mine.total()
        tally.missing.update({path: times for (path, _), times in (theirs - common).items()})
        tally.extra.update({path: times for (path, _), times in (mine - common).items()})
    for right in left_over:
        tally.made += given[right].total()
        tally.extra.update(Counter({f"{path} (alone)": times for (path, _), times in given[right].items()}))
    return tally


def _pairs(
    expected: list[Resource], made: list[Resource], wanted: list[Counter[Leaf]], given: list[Counter[Leaf]]
) -> dict[int, int]:
    """Which of ours is compared with which of theirs: greedily, most leaves in common first."""
    blind = [_blind(leaves) for leaves in wanted], [_blind(leaves) for leaves in given]
    ranked = sorted(
        (
            (-(blind[0][left] & blind[1][right]).total(), left, right)
            for left, theirs in enumerate(expected)
            for right, ours in enumerate(made)
            if theirs["resourceType"] == ours["resourceType"]
        )
    )
    found: dict[int, int] = {}
    taken: set[int] = set()
    for _, left, right in ranked:
        if left not in found and right not in taken:
            found[left] = right
            taken.add(right)
    return found


def _blind(leaves: Counter[Leaf]) -> Counter[Leaf]:
    """Leaves with references cut to the type they lead to."""
    found: Counter[Leaf] = Counter()
    for (path, value), times in leaves.items():
        found[path, value.partition("/")[0] if path.endswith(".reference") else value] += times
    return found


def _common(theirs: Counter[Leaf], ours: Counter[Leaf]) -> Counter[Leaf]:
    return theirs & ours


def _renamed(leaf: Leaf, names: Mapping[str, str]) -> Leaf:
    path, value = leaf
    return (path, names.get(value, value)) if path.endswith(".reference") else leaf


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource.get('id')}"


def _leaves(resource: Resource, tally: Tally) -> Counter[Leaf]:
    found: Counter[Leaf] = Counter()
    for path, value in _walk(resource["resourceType"], resource):
        reason = next((reason for pattern, reason in _EXCLUDED if pattern.match(path)), None)
        if reason:
            tally.excluded[reason] += 1
        elif not path.endswith(".resourceType"):
            found[path, _normal(value)] += 1
    return found


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(f"{path}.{name}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(path, inner)
    else:
        yield path, value


def _normal(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Values that mean the same, written the same: moments as UTC, numbers, local systems."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{float(value):g}"
    text = str(value).strip()
    if _MOMENT.match(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return moment.astimezone(UTC).isoformat() if moment.tzinfo else text
    return _LOCAL.sub(r"local:\1:", text)
