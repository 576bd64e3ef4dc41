"""The commands about the audit log, and their page."""

import base64
import contextlib
import io
import json
import re
import runpy
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from a360 import open as opened
from a360.cli._main import run
from a360.protect import AuditEvent
from a360.trust.audit import REPORTS, VerifierKey, open_note
from a360.trust.audit._tree import includes, leaf_hash

PAGE = (Path(__file__).resolve().parents[2] / "docs/audit.md").read_text("utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a lake that has no data."""
    path = tmp_path_factory.mktemp("audited")
    with contextlib.chdir(path):
        assert run(["init"]) == 0
    return path


@pytest.fixture
def a360(folder, monkeypatch, capsys):
    """Run a command in this process, in the folder of the lake."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        code = run(list(arguments))
        return code, *capsys.readouterr()

    return call


def tidy(text):
    """Lines without the blanks that end them, and without blank ones."""
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def fits(shown, written):
    """Whether an output is the one shown, where … stands for anything."""
    return re.fullmatch(r"[\s\S]*".join(map(re.escape, tidy(shown).split("…"))), tidy(written)) is not None


def typed(command):
    """What a command of the page writes; what Python does is done in this process."""
    program, *arguments = shlex.split(command)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        if program == "a360":
            run(arguments)
        elif program == "python":
            runpy.run_path(*arguments)
        else:
            subprocess.run(["bash", "-c", command], check=True)
    return out.getvalue()


@pytest.mark.e2e
def test_the_page_is_what_comes_out(folder, monkeypatch):
    """Typed in order, the page's files and commands give what it shows."""
    monkeypatch.chdir(folder)
    fences = re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    [script] = [body for _, name, body in fences if name == "events.py"]
    (folder / "events.py").write_text(script)
    commands = re.split(
        r"^\$ ", "".join(body for lang, _, body in fences if lang == "console"), flags=re.MULTILINE
    )
    for part in commands[1:]:
        command, _, shown = part.partition("\n")
        written = typed(command)
        assert fits(shown, written), f"$ {command}\n{written}"
    assert len(commands) == 11


@pytest.fixture(scope="module")
def recorded(folder):
    """The lake with some events."""
    with opened(folder / "lake") as lake:
        lake.audit.record_all(
            AuditEvent(
                datetime(2026, 3, day, 9, tzinfo=UTC),
                "carol",
                "query",
                ["gold.patient_360"],
                "denied" if day % 2 else "done",
                acting_for="dave",
                rows=None if day % 2 else day,
            )
            for day in range(1, 8)
        )
    return folder


@pytest.mark.parametrize(
    ("flags", "days"),
    [
        (["--principal", "carol"], [7, 6, 5, 4, 3, 2, 1]),
        (["--principal", "dave", "--outcome", "denied"], [7, 5, 3, 1]),
        (["--object", "gold.patient_360", "--since", "2026-03-03", "--until", "2026-03-05T09:00"], [4, 3]),
        (["--action", "query", "--until", "2026-03-08", "--limit", "2"], [7, 6]),
        (["--until", "2026-03-02T10:00+02:00"], [1]),
        (["--request", "none"], []),
        (["--purpose", "research", "--until", "2026-03-08"], []),
    ],
)
def test_search_finds_what_all_conditions_hold_for(recorded, a360, flags, days):
    """`search` answers the records that fit, newest first."""
    code, out, _ = a360("audit", "search", "--json", *flags)
    assert code == 0
    assert [int(row["event_time"][8:10]) for row in json.loads(out)] == days


def test_an_answered_id_shows_that_record_or_none(recorded, a360):
    """`show` takes a sequence or an id; an id whose record is another one is refused."""
    with opened(recorded / "lake") as lake:
        told = lake.audit.record(AuditEvent(datetime.now(UTC), "erin", "login", [], "allowed"))
    code, out, _ = a360("audit", "show", told, "--json")
    assert (code, json.loads(out)["event"]["principal"]) == (0, "erin")
    sequence = told.partition("-")[0]
    assert a360("audit", "show", f"{sequence}-{'0' * 16}")[0] == 5
    assert a360("audit", "show", "999999")[0] == 2
    assert a360("audit", "show", "the last")[0] == 2


def test_a_proof_holds_for_who_has_only_the_checkpoint(recorded, a360):
    """What `prove` prints is enough to check a record against the signed root, with the public key alone."""
    proof = json.loads(a360("audit", "prove", "3", "--json")[1])
    key = VerifierKey.parse(proof["key"])
    signed = open_note(proof["checkpoint"].encode(), key)
    hashes = [base64.b64decode(each) for each in proof["proof"]]
    leaf = leaf_hash(proof["record"].encode())
    assert proof["size"] == signed.size
    assert includes(signed.tree.root, proof["size"], proof["index"], leaf, hashes)
    assert json.loads(proof["record"])["sequence"] == 3


def test_verify_needs_no_lake(recorded, a360, tmp_path, monkeypatch):
    """With a copy of the log, the checkpoints and the key, `verify` runs where there is no lake."""
    key = tmp_path / "log.pub"
    key.write_text(a360("audit", "key")[1])
    copy = shutil.copytree(recorded / "lake/audit", tmp_path / "copy")
    given = ["--log", str(copy), "--checkpoints", str(copy / "checkpoints"), "--key", str(key), "--json"]
    monkeypatch.chdir(tmp_path)
    assert run(["audit", "verify", *given]) == 0
    first = copy / "000000000001.jsonl"
    first.write_bytes(first.read_bytes().replace(b"carol", b"karol", 1))
    assert run(["audit", "verify", *given]) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        ["search", "--since", "yesterday"],
        ["report", "anomalies", "--zone", "Clinic/Here"],
        ["report", "anomalies", "--hours", "20-7"],
        ["report", "everything"],
        ["verify", "--key", "no-key"],
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(recorded, a360, wrong):
    """A time, a zone, hours, a report or a key that is none ends with code 2."""
    assert a360("audit", *wrong)[0] == 2


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_answers_in_json(recorded, a360, kind):
    """Each report answers an array of rows, also where it finds nothing."""
    code, out, _ = a360("audit", "report", kind, "--json")
    assert code == 0
    assert json.loads(out)
    assert json.loads(a360("audit", "report", kind, "--until", "2000-01-01", "--json")[1]) == []
