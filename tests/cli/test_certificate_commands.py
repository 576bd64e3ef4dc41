"""Certificates held against what lies beside them, without a lake."""

import hashlib
import json

import pytest

from a360.cli._main import run
from a360.trust.audit._checkpoint import SigningKey

KEY = SigningKey(b"k" * 32)
ERASURE = {"format": "a360-erasure-1", "erasure_id": "e7", "completed_at": "2026-11-23T10:00:00+00:00"}
EXPORT = {
    "form": "a360-patient-export/1",
    "recipient": "The Court",
    "exported_at": "2026-11-23T10:00:00+00:00",
    "files": [{"name": "record.html", "sha256": hashlib.sha256(b"x").hexdigest()}],
}


@pytest.fixture
def verify(tmp_path, capsys):
    """Sign a certificate, lay files beside it, and have the command look at it, or at the folder."""

    def call(told, *files, whole=True, json_=True):
        content = json.dumps(told).encode()
        (tmp_path / "certificate.json").write_bytes(content)
        (tmp_path / "certificate.note").write_text(KEY.certify(content))
        for name in files:
            (tmp_path / name).write_text("x")
        path = tmp_path if whole else tmp_path / "certificate.json"
        code = run(
            ["certificate", "verify", str(path), "--key", KEY.verifier.text, *(["--json"] if json_ else [])]
        )
        out = capsys.readouterr().out
        return code, json.loads(out) if json_ else out

    return call


def test_a_genuine_certificate_vouches_for_no_files_that_it_does_not_list(verify):
    """That of an erasure, put beside files that are to look like a release, is told for what it is."""
    code, told = verify(ERASURE, "outcomes_release.parquet")
    assert (code, told["valid"]) == (4, False)
    assert told["faults"] == ["outcomes_release.parquet: in no certificate"]
    code, told = verify(ERASURE, whole=False)
    assert (code, told["valid"], told["files"], told["of"]) == (0, True, None, "erasure e7")
    code, shown = verify(ERASURE, whole=False, json_=False)
    assert code == 0
    assert "vouches for none" in shown
    assert "the files are what it says" not in shown


def test_it_says_what_was_handed_out_to_whom_and_when(verify):
    """A genuine certificate of something else is seen for that."""
    code, told = verify(EXPORT, "record.html")
    assert (code, told["of"], told["recipient"], told["at"]) == (
        0,
        "patient export",
        "The Court",
        EXPORT["exported_at"],
    )
    _, shown = verify(EXPORT, json_=False)
    assert "a360-patient-export/1: patient export to The Court" in " ".join(shown.split())


@pytest.mark.parametrize("told", [{"form": "a360-other/1", "files": []}, {**EXPORT, "files": None}])
def test_a_form_that_nobody_knows_or_that_lacks_its_list_is_refused(verify, told):
    """However well it is signed."""
    code, found = verify(told)
    assert (code, found["valid"], len(found["faults"])) == (4, False, 1)
