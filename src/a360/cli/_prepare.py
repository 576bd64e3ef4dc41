"""Commands that make ready: a lake, its contracts and tables, data to try it on."""

from pathlib import Path
from typing import TYPE_CHECKING

from a360.cli._changes import show_changes
from a360.cli._face import Face
from a360.cli._text import number, plain, size, tell
from a360.errors import ContractError, OperatorError

if TYPE_CHECKING:
    from a360.contract import TableChange


def init(face: Face) -> int | None:
    """Make a lake, or find the one that is there."""
    existed = face.has_lake
    with face.lake(create=True) as lake:
        lake.tables.list()  # a catalog that does not open shows now, not in the first command that needs it
        path = str(lake.path)
    said = f"{'The lake is there already' if existed else 'Made a lake'}: {plain(path)}"
    face.emit({"lake": path, "created": not existed}, said, "Next: a360 apply")
    return None


def doctor(face: Face) -> int | None:
    """Look at machine, settings and lake, whatever of them is broken."""
    from a360.cli._render import grid  # noqa: PLC0415 - each command imports what it needs, here and below
    from a360.lake import examine  # noqa: PLC0415
    from a360.operate import DoctorCheck  # noqa: PLC0415

    try:
        settings = face.settings
        checks = [
            DoctorCheck("settings", "settings", "ok", "every one is known and allowed"),
            *examine(settings),
        ]
    except OperatorError as error:
        # Without settings it is not known which lake is meant.
        checks = [
            DoctorCheck("settings", "settings", "fail", f"{error.where}: {error.found}", error.next_step)
        ]
    rows = [[each.status, each.area, each.name, each.found, each.next_step] for each in checks]
    tally = ", ".join(
        f"{sum(each.status == status for each in checks)} {status}" for status in ("ok", "warn", "fail")
    )
    shown = grid(["", "area", "what", "found", "do"], rows, widest=110)
    face.emit([each.to_json() for each in checks], shown, tally)
    return None if all(each.ok for each in checks) else OperatorError.exit_code


def settings(face: Face) -> int | None:
    """Show the settings as they count."""
    from a360.cli._render import grid  # noqa: PLC0415
    from a360.settings import effective_settings  # noqa: PLC0415

    told = [each.to_json() for each in effective_settings(**face.setting_flags)]
    rows = [[each["name"], each["value"], each["origin"], each["meaning"]] for each in told]
    face.emit(told, grid(["setting", "value", "from", "meaning"], rows, widest=110))
    return None


def lint(face: Face, folder: Path | None, *, fix: bool) -> int | None:
    """Report every fault, after mending what can be mended."""
    from a360.contract import default_contracts  # noqa: PLC0415
    from a360.lake import lint as faults_of  # noqa: PLC0415

    where = folder or face.settings.contracts or default_contracts()
    if fix:
        _mend(where)
    faults = faults_of(where)
    count = number(len(faults)) if faults else "No"
    summary = f"{count} fault{'' if len(faults) == 1 else 's'} in {plain(where)}"
    face.emit([fault.to_json() for fault in faults], *(plain(fault) for fault in faults), summary)
    return ContractError.exit_code if faults else None


def _mend(where: Path) -> None:
    """Mend what has one right answer, and say what was done."""
    from a360.contract import keep_ledger, mend, mend_models  # noqa: PLC0415

    for each in mend(where):
        tell(plain(each))
    kept = keep_ledger(where)
    for given in kept.assigned:
        tell(f"{given.dataset}.{given.column}: field id {given.field_id}")
    for dataset, version in kept.noted.items():
        tell(f"{dataset}: noted in the ledger as version {version}")
    for mended in mend_models(where):
        tell(f"{mended.file}:{mended.line}: {mended.said}")


_IMPACT = "What hangs on what changes: a360 lineage --impact"


def plan(face: Face) -> int | None:
    """Show the changes; one that is refused makes the command fail, as `apply` would."""
    if not face.has_lake:
        return show_changes(face, _changes_of_a_new_lake(face), "Next: a360 init")
    with face.lake() as lake:
        return show_changes(face, lake.plan(), "Next: a360 apply", _IMPACT)


def _changes_of_a_new_lake(face: Face) -> "list[TableChange]":
    """To look at a plan makes no lake."""
    from a360.contract import default_contracts, diff, load_contracts, make_plan  # noqa: PLC0415

    contracts = load_contracts(face.settings.contracts or default_contracts(), packs=face.settings.packs)
    return diff(make_plan(contracts, face.settings.env), {})


def apply(face: Face) -> int | None:
    """Make the changes."""
    with face.lake(create=True) as lake:
        return show_changes(face, lake.apply(), "Next: a360 ingest fhir PATH")


def synth(face: Face, patients: int, seed: int, output: Path, dirty: float, kinds: str) -> int | None:
    """Write generated data."""
    from a360.cli._render import grid  # noqa: PLC0415
    from a360.synth import generate  # noqa: PLC0415

    wanted = () if kinds == "none" else tuple(each.strip() for each in kinds.split(","))
    with face.progress() as progress:
        report = generate(
            output.expanduser(), patients=patients, seed=seed, dirty=dirty, kinds=wanted, progress=progress
        )
    files = report.other["files"]
    beside = [
        [f"{kind}/", ", ".join(dict.fromkeys(each["type"] for each in told)), len(told)]
        for kind, told in files.items()
    ]
    where = plain(output)
    face.emit(
        report.to_json(),
        grid(["resource", "lines"], [[kind, count] for kind, count in sorted(report.resources.items())]),
        *([grid(["beside it", "what", "files"], beside, widest=70)] if beside else []),
        f"{number(report.lines)} lines of FHIR, {size(report.bytes)} in all, in {where}.",
        "Every record is invented.",
        f"Next: a360 ingest fhir {where}",
        *(f"      a360 ingest {way} {where}/{kind}" for kind in files for way in _INGESTS[kind]),
    )
    return None


# The kinds of ingest that take a kind of the generator.
_INGESTS = {
    "extracts": ("csv", "parquet"),
    "events": ("events",),
    "notes": ("notes",),
    "photos": ("attachments",),
}
