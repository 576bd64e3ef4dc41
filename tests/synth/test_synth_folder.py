import json
from datetime import date

import pytest

from a360.errors import UsageError
from a360.synth import MANIFEST, OTHER_EXTENSION, SYNTHETIC_EXTENSION, _generate, generate


def names(folder):
    """The files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_manifest_is_that_of_a_bulk_export(clean):
    """The manifest has the fields of a Bulk Data export and says that the data are synthetic."""
    manifest = clean.manifest
    assert list(manifest) == [
        "transactionTime", "request", "requiresAccessToken", "output", "deleted", "error", "extension",
    ]  # fmt: skip
    assert manifest["requiresAccessToken"] is False
    told = manifest["extension"][SYNTHETIC_EXTENSION]
    assert (told["patients"], told["seed"], told["dirty"]) == (450, 11, 0.0)
    for entry in [*manifest["output"], *manifest["deleted"], *manifest["error"]]:
        assert (clean.folder / entry["url"]).read_bytes().count(b"\n") == entry["count"]


def test_nothing_was_written_after_the_export(clean_resources, clean):
    """No resource was updated after the export's own time."""
    moment = date.fromisoformat(clean.manifest["transactionTime"][:10])
    for resources in clean_resources.values():
        for resource in resources:
            updated = resource["meta"].get("lastUpdated")
            assert updated is None or date.fromisoformat(updated[:10]) <= moment


def test_long_types_are_split(tmp_path, monkeypatch):
    """A type with more rows than a file may hold is split into numbered files, in order."""
    generate(tmp_path / "one", patients=10, seed=2, dirty=0.0)
    monkeypatch.setattr(_generate, "ROWS_PER_FILE", 50)
    report = generate(tmp_path / "many", patients=10, seed=2, dirty=0.0)
    parts = [name for name in report.files if name.startswith("Observation")]
    assert parts[0] == "Observation.000.ndjson"
    assert len(parts) > 1
    whole = b"".join((tmp_path / "many" / name).read_bytes() for name in parts)
    assert whole == (tmp_path / "one" / "Observation.ndjson").read_bytes()


def test_an_earlier_export_is_replaced(tmp_path, monkeypatch):
    """Writing again removes what the earlier export wrote, numbered files included."""
    monkeypatch.setattr(_generate, "ROWS_PER_FILE", 20)
    generate(tmp_path, patients=6, seed=1)
    monkeypatch.undo()
    report = generate(tmp_path, patients=2, seed=1)
    assert names(tmp_path) == sorted(report.files)


def test_other_peoples_files_are_not_touched(tmp_path):
    """A folder that holds anything else is refused and stays as it is."""
    (tmp_path / "Patient.ndjson").write_text('{"resourceType": "Patient", "id": "real"}\n')
    with pytest.raises(UsageError, match="did not write"):
        generate(tmp_path, patients=1, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["Patient.ndjson"]


@pytest.mark.parametrize("manifest", ["", "[]", '{"transactionTime": "x"}', '{"extension": []}'])
def test_a_foreign_manifest_is_no_licence(tmp_path, manifest):
    """A manifest that is not of a generated export does not make the folder ours."""
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(UsageError):
        generate(tmp_path, patients=1, seed=1)


def test_a_manifest_cannot_make_us_delete_elsewhere(tmp_path):
    """File names in an old manifest are taken as names within the folder."""
    folder = tmp_path / "export"
    generate(folder, patients=1, seed=1)
    outside = tmp_path / "keep.ndjson"
    outside.write_text("kept")
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["output"].append({"type": "Patient", "url": "../keep.ndjson", "count": 1})
    manifest["extension"][OTHER_EXTENSION] = {
        "..": [{"url": "../keep.ndjson"}],
        "x/..": [{"url": "keep.ndjson"}],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    generate(folder, patients=1, seed=2)
    assert outside.read_text() == "kept"


def test_a_broken_run_leaves_the_old_export(tmp_path):
    """A run that fails in the middle leaves what was there, and no half-written files."""
    report = generate(tmp_path, patients=3, seed=1)
    before = {name: (tmp_path / name).read_bytes() for name in report.files}

    def fail(*_):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        generate(tmp_path, patients=60, seed=2, progress=fail)
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def test_progress_is_told(tmp_path):
    """Progress ends at the number of patients."""
    told = []
    generate(tmp_path, patients=51, seed=1, progress=lambda *step: told.append(step))
    assert [(done, total) for _, _, done, total in told] == [(50, 51), (51, 51)]


@pytest.mark.parametrize(
    "arguments",
    [{"patients": 0}, {"patients": -3}, {"dirty": -0.1}, {"dirty": 1.5}, {"dirty": float("nan")},
     {"until": date(1900, 1, 1)}],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(tmp_path, arguments):
    """Arguments out of range are refused before anything is written."""
    with pytest.raises(UsageError):
        generate(tmp_path / "export", **{"patients": 1, "seed": 1, **arguments})
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("until", [date(2024, 2, 29), date(2030, 12, 31)])
def test_the_last_day_can_be_chosen(make, until):
    """No visit was kept after the chosen last day, and some were close to it."""
    encounters = make(patients=40, seed=9, dirty=0.0, until=until).resources["Encounter"]
    last = max(date.fromisoformat(encounter["period"]["start"][:10]) for encounter in encounters)
    assert last <= until
    assert (until - last).days < 60


def test_the_report_is_json(clean):
    """The report renders as JSON."""
    told = json.loads(json.dumps(clean.report.to_json()))
    assert told["resources"]["Patient"] >= 450
