"""The demo: the main job run once, from what clinics send to gold tables, with a report for a person."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from a360.cli import _render as render
from a360.cli._face import Face, require_path
from a360.cli._text import plain
from a360.trust.gateway import json_rows

if TYPE_CHECKING:
    from rich.console import RenderableType

    from a360._progress import Progress
    from a360.lake import Lake

_SEED = 360
# What is shown of the lake: a dataset, what its rows are ordered by (its key, where not said), and columns
# that come first.
_SAMPLED: "dict[str, tuple[str, tuple[str, ...]]]" = {
    "gold.patient_360": ("", ()),
    "gold.visit_facts": ("", ()),
    "gold.treatment_outcomes": ("", ()),
    "gold.membership_revenue": (
        "month DESC, net_revenue DESC, plan_code",
        ("month", "plan_code", "organization_name", "members_at_end", "collected", "refunded", "net_revenue"),
    ),
    "gold.schedule_utilisation": (
        "booked_minutes DESC, week DESC, practitioner_id",
        ("practitioner_name", "week", "planned_minutes", "booked_minutes", "utilisation_rate", "no_shows"),
    ),
}
# What the generator writes beside FHIR, and the kind of ingest that takes it.
_BESIDE = (
    ("csv", "extracts"),
    ("parquet", "extracts"),
    ("events", "events"),
    ("notes", "notes"),
    ("attachments", "photos"),
)
_SAMPLE_ROWS = 3
_SAMPLE_WIDTH = 20
_REPORT_WIDTH = 120


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the report tells."""

    lake: Path
    changed: bool
    seconds: float
    steps: list[dict[str, Any]]
    tables: list[dict[str, Any]]
    quality: list[dict[str, Any]]
    samples: dict[str, list[dict[str, Any]]]

    def to_json(self) -> dict[str, Any]:
        return {
            "lake": str(self.lake),
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            "steps": self.steps,
            "tables": self.tables,
            "quality": self.quality,
            "samples": self.samples,
        }


def run_demo(face: Face, folder: Path | None, patients: int) -> int | None:
    """Run the whole way on generated data, or on the user's own files in `folder`."""
    if folder is not None:
        folder = folder.expanduser()
        require_path([folder])  # before a lake is made: a misspelt name is to leave nothing behind
    started = time.monotonic()
    with face.lake(create=True) as lake:
        lake.claim("generated" if folder is None else "own")
        with face.progress() as progress:
            outcome = _whole_way(lake, folder, patients, progress, started)
    face.emit(outcome.to_json(), *_report(face, outcome))
    return None


def _whole_way(
    lake: "Lake", folder: Path | None, patients: int, progress: "Progress", started: float
) -> _Outcome:
    lake.apply()
    if folder is None:
        with _generated(lake, patients, progress) as export:
            ingested = [lake.ingest(export, source="clinic", progress=progress)]
            for kind, name in _BESIDE:
                if (export / name).is_dir():
                    each = lake.ingest(export / name, kind=kind, source="clinic", progress=progress)
                    ingested.append(each)
    else:
        ingested = [lake.ingest(folder, progress=progress)]
    refined = lake.run(progress=progress)
    progress("check", "quality rules", 0, None)
    return _Outcome(
        lake=lake.path,
        changed=refined.changed or any(each.changed for each in ingested),
        seconds=time.monotonic() - started,
        steps=[*(step for each in ingested for step in each.to_json()), *refined.to_json()],
        tables=[asdict(each) for each in lake.tables_info()],
        quality=lake.check().to_json(),
        samples={name: _sample(lake, name) for name in _SAMPLED},
    )


@contextmanager
def _generated(lake: "Lake", patients: int, progress: "Progress") -> Iterator[Path]:
    """The same files each time; they are gone afterwards, as the lake keeps nothing in clear."""
    from a360.synth import generate  # noqa: PLC0415 - only the demo on generated data needs it

    with tempfile.TemporaryDirectory(prefix="synth-", dir=lake.path / "tmp") as scratch:
        export = Path(scratch) / "export"
        generate(export, patients=patients, seed=_SEED, progress=progress)
        yield export


def _sample(lake: "Lake", name: str) -> list[dict[str, Any]]:
    table = lake.lake_plan.table(name)
    order, first = _SAMPLED[name]
    order = order or ", ".join(f'"{column}"' for column in table.key) or "1"
    rows = json_rows(lake.query(f"SELECT * FROM {table.dataset} ORDER BY {order} LIMIT {_SAMPLE_ROWS}"))
    return [{name: row[name] for name in dict.fromkeys((*first, *row))} for row in rows]


def _report(face: Face, outcome: _Outcome) -> "list[RenderableType]":
    call = _how_to_call(face)
    unchanged = "Nothing new: every file was known, no dataset changed, nothing was committed."
    filled = [row for row in outcome.tables if row["rows"] and row["namespace"] != "ops"]
    return [
        render.tables(filled, title="What lies in the lake"),
        *render.steps(outcome.steps, face.out.width, title="What became of everything that was read"),
        *render.reconciled(outcome.steps),
        *render.rejected(outcome.steps),
        "",
        render.quality(outcome.quality, title="Quality, 0 to 100"),
        *(_sample_grid(name, rows, face.out.width) for name, rows in outcome.samples.items()),
        *([] if outcome.changed else [unchanged]),
        f"The lake lies in {plain(outcome.lake)}; the way took {outcome.seconds:.0f} s. Next, try:",
        f'  {call} query "SELECT * FROM gold.provider_utilisation LIMIT 10"',
        f"  {call} show gold.patient_360",
        f"  {call} lineage gold.visit_facts",
    ]


def _sample_grid(name: str, rows: list[dict[str, Any]], width: int) -> "RenderableType":
    """As many of the first columns as fit the width, and how many more there are."""
    if not rows:
        return f"{name}: no rows"
    telling = [each for each in rows[0] if _tells(each) and any(row[each] is not None for row in rows)]
    shown: list[str] = []
    left = min(width, _REPORT_WIDTH)
    for column in telling:
        left -= min(max(len(column), *(len(str(row[column])) for row in rows)), _SAMPLE_WIDTH) + 2
        if left < 0:
            break
        shown.append(column)
    title = f"{name}, {len(rows)} rows and {len(shown)} of {len(rows[0])} columns"
    return render.grid(
        shown, [[row[each] for each in shown] for row in rows], title=title, widest=_SAMPLE_WIDTH, raw=True
    )


def _tells(column: str) -> bool:
    """Ids mean little to a reader, but the patient's token is there to be seen."""
    return column != "source" and not column.endswith("_id")


def _how_to_call(face: Face) -> str:
    """The command as this user can type it, with the lake where it is not the default one."""
    beside = Path(sys.executable).with_name("a360")
    call = "a360"
    if shutil.which("a360") is None and beside.exists():
        call = str(beside.relative_to(Path.cwd())) if beside.is_relative_to(Path.cwd()) else str(beside)
    lake = face.settings.lake
    return call if lake == Path("lake") else f"{call} --lake {lake}"
