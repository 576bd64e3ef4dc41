"""What the commands about evidence do."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from a360 import operate
from a360.cli import _render as render
from a360.cli._audit import verifier_key
from a360.cli._face import Face
from a360.cli._text import plain
from a360.errors import DataError

if TYPE_CHECKING:
    from rich.console import RenderableType


def evidence(face: Face, tests: Path | None, output: Path | None, sample: int | None) -> int | None:
    """Gather evidence into a folder, and show the sums."""
    folder = output.expanduser() if output else Path(f"evidence-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    checkout = tests and tests.expanduser().resolve()
    with face.lake() as lake, face.progress() as progress:
        report = lake.evidence.gather(folder, tests=checkout, sample=sample, progress=progress)
    found = report.evidence
    shown: list[RenderableType] = [_sums(found)]
    for proof in found.failed:
        controls = [each.control.id for each in found.controls if proof.name in each.to_json()["proofs"]]
        shown.append(plain(f"RED  {', '.join(controls)}: {proof.name}: {proof.finding.found}"))
    shown.append(plain(f"Wrote {folder}: a360 evidence verify {folder}"))
    face.emit({"folder": str(folder), "digest": report.digest, **report.told}, *shown)
    return DataError.exit_code if found.tally["red"] else None


def _sums(found: "operate.Evidence") -> "RenderableType":
    body = []
    for rule, judged in groupby(found.controls, lambda each: each.rule.rule):
        colours = [(each.colour, bool(each.control.checks or each.control.tests)) for each in judged]
        counts = [sum(colour == wanted for colour, _ in colours) for wanted in ("green", "red")]
        not_run = sum(colour == "grey" and proven for colour, proven in colours)
        body.append([rule, *counts, not_run, len(colours) - sum(counts) - not_run])
    return render.grid(["controls", "green", "red", "grey: not run", "grey: outside"], body, widest=120)


def verify(face: Face, bundle: Path, key: str | None) -> int | None:
    """Say what a bundle is, where it is what was signed."""
    verifier = verifier_key(face, key)
    genuine = operate.open_evidence(bundle.expanduser(), verifier)
    told = genuine.told
    # Of another lake's bundle this lake's log tells nothing.
    record = operate.evidence_on_record(face.settings.lake / "audit", genuine.digest) if key is None else None
    tally = ", ".join(f"{count} {colour}" for colour, count in told["tally"].items())
    shown = [
        f"Genuine: signed by {told['lake']}",
        f"{told['at']}, a360 {told['software']['version']}: {tally}",
    ]
    if record is not None:
        newer = f"; a newer bundle is of {record.newer:%F %T}" if record.newer else ", the newest"
        shown.append(f"On record as {record.sequence}{newer}")
    elif key is None:
        shown.append("NOT on record: whoever signed it did not gather it here, or the log is an older copy")
    answer = {
        "genuine": True,
        "digest": genuine.digest,
        "lake": told["lake"],
        "at": told["at"],
        "version": told["software"]["version"],
        "tally": told["tally"],
        "record": record and record.sequence,
        "newer": record and record.newer and record.newer.isoformat(),
    }
    face.emit(answer, *map(plain, shown))
    return DataError.exit_code if key is None and record is None else None
