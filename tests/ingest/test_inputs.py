"""Which files are read: folders, links, Bulk Data exports."""

import json
import os

import pytest

from a360.errors import OperatorError
from a360.ingest._inputs import Role, find_inputs, suffix_of
from a360.ingest._labels import is_harmless

OTHERS = "https://aesthetics360.example/StructureDefinition/other-formats"


def _names(inputs, folder):
    """The paths of the inputs within a folder."""
    return [str(each.path.relative_to(folder)) for each in inputs.files]


def _touch(*paths):
    """Write one small resource to each path."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"resourceType":"Basic","id":"a"}\n')


def test_folders_are_walked_in_order(inbox):
    """A folder gives its data files, recursively and sorted; others are counted as skipped."""
    _touch(
        inbox / "b" / "Patient.ndjson.gz",
        inbox / "a.json",
        inbox / "b" / "c" / "x.JSONL",
        inbox / "B.ndjson.zst",
        inbox / "LICENSE",
        inbox / "notes.txt",
        inbox / ".hidden.json",
        inbox / ".git" / "a.json",
    )
    inputs = find_inputs([inbox])
    assert _names(inputs, inbox) == ["B.ndjson.zst", "a.json", "b/Patient.ndjson.gz", "b/c/x.JSONL"]
    assert inputs.skipped == 2


def test_named_files_are_read_whatever_their_name(inbox):
    """A file that is named itself counts, and each file once, however often it is named."""
    _touch(inbox / "dump", inbox / "a.json")
    inputs = find_inputs([inbox / "dump", inbox, inbox / "a.json", str(inbox / ".." / "inbox" / "dump")])
    assert _names(inputs, inbox) == ["dump", "a.json"]


def test_links_do_not_lead_out_of_a_folder(inbox, tmp_path):
    """Links in a folder are followed only where they stay in it; a link that is named itself is followed."""
    outside = tmp_path / "outside"
    _touch(outside / "secret.json", inbox / "real" / "a.json")
    (inbox / "out.json").symlink_to(outside / "secret.json")
    (inbox / "out").symlink_to(outside)
    (inbox / "z.json").symlink_to(inbox / "real" / "a.json")
    (inbox / "loop").symlink_to(inbox)
    (inbox / "broken.json").symlink_to(inbox / "nowhere")
    inputs = find_inputs([inbox])
    assert _names(inputs, inbox) == ["z.json"]
    assert inputs.skipped == 2
    assert len(find_inputs([inbox / "out.json"]).files) == 1


@pytest.mark.parametrize("name", ["missing", "fifo"])
def test_what_is_no_file_is_said(inbox, name):
    """A path that is neither file nor folder ends the call before anything is read."""
    os.mkfifo(inbox / "fifo")
    with pytest.raises(OperatorError) as caught:
        find_inputs([inbox / name])
    assert caught.value.code.slug == "input-missing"


@pytest.fixture
def export(inbox):
    """A Bulk Data export as a client stores it."""
    _touch(inbox / "1.Patient.ndjson", inbox / "obs.ndjson.gz", inbox / "del.ndjson", inbox / "err.ndjson")
    _touch(inbox / "beside.ndjson")
    manifest = {
        "transactionTime": "2026-02-03T04:05:06Z",
        "request": "https://ehr.example/fhir/$export",
        "requiresAccessToken": True,
        "output": [
            {"type": "Patient", "url": "https://ehr.example/files/1.Patient.ndjson?sig=a/b"},
            {"type": "Observation", "url": "https://ehr.example/files/obs"},
        ],
        "deleted": [{"type": "Bundle", "url": "../../del.ndjson"}],
        "error": [{"type": "OperationOutcome", "url": "https://ehr.example/files/err%2Endjson"}],
    }
    (inbox / "manifest.json").write_text(json.dumps(manifest))
    return inbox, manifest


def test_exports_are_read_by_their_manifest(export):
    """The manifest says what each file is; files beside it are data, and it is none itself."""
    folder, _ = export
    inputs = find_inputs([folder])
    assert {each.path.name: (each.role, each.told_at) for each in inputs.files} == {
        "1.Patient.ndjson": (Role.DATA, "2026-02-03T04:05:06Z"),
        "obs.ndjson.gz": (Role.DATA, "2026-02-03T04:05:06Z"),
        "del.ndjson": (Role.DELETED, "2026-02-03T04:05:06Z"),
        "err.ndjson": (Role.ERRORS, "2026-02-03T04:05:06Z"),
        "beside.ndjson": (Role.DATA, None),
    }


@pytest.mark.parametrize("url", ["https://ehr.example/files/gone.ndjson", "../outside.json", "/", ""])
def test_incomplete_exports_are_refused(export, tmp_path, url):
    """A file that the manifest names and that is not in the folder ends the call; no URL leads out of it."""
    folder, manifest = export
    _touch(tmp_path / "outside.json")
    manifest["output"].append({"type": "Patient", "url": url})
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(OperatorError) as caught:
        find_inputs([folder])
    assert caught.value.code.slug == "input-missing"


@pytest.mark.parametrize(
    ("told", "walked"),
    [({OTHERS: {"events": []}}, False), ({OTHERS: ["events"]}, True), ([OTHERS], True), (None, True)],
)
def test_folders_of_other_formats_are_passed_by(inbox, told, walked):
    """A folder that an export's manifest names as one of another format is not walked into; others are."""
    _touch(inbox / "Patient.ndjson", inbox / "events" / "app_events.ndjson", inbox / "more" / "a.ndjson")
    manifest = {
        "transactionTime": "2026-01-01T00:00:00Z",
        "output": [{"type": "Patient", "url": "Patient.ndjson"}],
        **({} if told is None else {"extension": told}),
    }
    (inbox / "manifest.json").write_text(json.dumps(manifest))
    expected = ["Patient.ndjson", *(["events/app_events.ndjson"] if walked else []), "more/a.ndjson"]
    assert _names(find_inputs([inbox]), inbox) == expected


def test_other_manifests_are_data(inbox):
    """A manifest.json that describes no export is a file like any other."""
    _touch(inbox / "manifest.json", inbox / "a.json")
    assert _names(find_inputs([inbox]), inbox) == ["a.json", "manifest.json"]


@pytest.mark.parametrize(
    ("name", "harmless"),
    [
        ("Patient.ndjson", True),
        ("Patient.0001.ndjson.gz", True),
        ("Bundle-12.json.zst", True),
        ("Observation.000-12.jsonl", True),
        ("Smith.json", False),
        ("Abel832_Smith67_1234.json", False),
        ("Patient.Smith.ndjson", False),
        ("Patient.1234567.ndjson", False),
        ("patient.ndjson", False),
        ("1.Patient.ndjson", False),
    ],
)
def test_only_names_that_tell_of_nobody_are_labels(name, harmless):
    """A file's name stands in the lake only if it is a resource type and short numbers."""
    assert is_harmless(name) is harmless


def test_suffixes():
    """The part of a name that says its format survives in the label."""
    names = ["a.ndjson.gz", "A.JSON", "x.zst", "x", "a.b.jsonl.zstd"]
    assert [suffix_of(each) for each in names] == [".ndjson.gz", ".json", ".zst", "", ".jsonl.zstd"]


def test_names_that_are_no_text(lake, inbox):
    """A file whose name is not UTF-8 is read, and its label is."""
    path = inbox / os.fsdecode(b"Jos\xe9.json")
    try:
        _touch(path)
    except OSError:
        pytest.skip("this file system takes only names that are UTF-8")
    (report,) = lake.ingest(inbox).files
    assert report.landed == 1
    assert report.file.encode().endswith(b".json")
