"""The commands of the group `hl7v2`, run from outside."""

import json
import os
import stat
import subprocess
import sys

VISIT = (
    r"MSH|^~\&|EHR|CLINIC|LAKE||20260102030405-0500||ADT^A08^ADT_A01|7|P|2.5.1",
    "PID|1||12345^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane||19800203|F",
    "PV1|1|O|ROOM^1^A^CLINIC",
)


def a360(*arguments, folder):
    """Run a command in a folder."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    return subprocess.run(
        [sys.executable, "-m", "a360", *map(str, arguments)],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write(path, *lines):
    """Write a message."""
    path.write_text("\r".join((*lines, "")), encoding="utf-8")
    return path


def test_convert_prints_resources_and_tells_how_many(tmp_path):
    """Resources are on standard output, one a line; what a person reads is beside them."""
    write(tmp_path / "visit.hl7", *VISIT)
    done = a360("hl7v2", "convert", tmp_path, folder=tmp_path)
    assert done.returncode == 0
    kinds = [json.loads(line)["resourceType"] for line in done.stdout.splitlines()]
    assert kinds.count("Patient") == kinds.count("Encounter") == 1
    assert f"1 messages, {len(kinds)} resources" in done.stderr


def test_convert_writes_a_private_file_and_answers_in_json(tmp_path):
    """With --json the counts are the answer, and the file is its owner's alone."""
    write(tmp_path / "visit.hl7", *VISIT)
    done = a360("hl7v2", "convert", "visit.hl7", "--output", "out.ndjson", "--json", folder=tmp_path)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["messages"] == 1
    assert told["resources"]["Patient"] == 1
    assert told["refused"] == []
    made = tmp_path / "out.ndjson"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert len(made.read_text("utf-8").splitlines()) == sum(told["resources"].values())


def test_convert_tells_what_is_refused_and_leaves_with_four(tmp_path):
    """One bad message does not keep the others back, and is named by rule and place, not by its content."""
    write(tmp_path / "all.hl7", *VISIT, *VISIT[:1], "PID|1||SECRET", VISIT[0].replace("2.5.1", "9"))
    done = a360("hl7v2", "convert", "all.hl7", folder=tmp_path)
    assert done.returncode == 4
    assert "refused: all.hl7, message 3: version-unknown at MSH-12" in done.stderr
    assert "SECRET" not in done.stderr


def test_local_names_go_under_the_authority_that_is_given(tmp_path):
    """A site's own URI stands before names of systems that only its senders know."""
    write(tmp_path / "visit.hl7", *VISIT)
    done = a360("hl7v2", "convert", "visit.hl7", "--authority", "https://clinic.example/v2", folder=tmp_path)
    assert "https://clinic.example/v2/Identifier/CLINIC" in done.stdout
    named = a360(
        "hl7v2", "convert", "visit.hl7", "--system", "MAIN=https://clinic.example/mrn", folder=tmp_path
    )
    assert '"https://clinic.example/mrn"' in named.stdout


def test_wrong_use_is_told(tmp_path):
    """What cannot be meant is refused with the exit code of its kind."""
    write(tmp_path / "visit.hl7", *VISIT)
    assert a360("hl7v2", "convert", "visit.hl7", "--json", folder=tmp_path).returncode == 2
    assert a360("hl7v2", "convert", "visit.hl7", "--zone", "CET", folder=tmp_path).returncode == 2
    assert a360("hl7v2", "convert", "visit.hl7", "--system", "CLINIC", folder=tmp_path).returncode == 2
    assert a360("hl7v2", "convert", "none.hl7", folder=tmp_path).returncode == 5
    assert a360("hl7v2", "score", tmp_path, tmp_path, folder=tmp_path).returncode == 5


def test_score_tells_precision_and_recall(tmp_path):
    """What was made is compared leaf by leaf with what was expected, by type of message."""
    (tmp_path / "expected").mkdir()
    (tmp_path / "messages").mkdir()
    write(tmp_path / "messages" / "visit.hl7", *VISIT)
    made = a360("hl7v2", "convert", "messages", folder=tmp_path)
    resources = [json.loads(line) for line in made.stdout.splitlines()]
    for resource in resources:
        if resource["resourceType"] == "Patient":
            resource["gender"] = "other"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}
    (tmp_path / "expected" / "visit-expected.json").write_text(json.dumps(bundle), encoding="utf-8")
    done = a360("hl7v2", "score", "messages", "expected", "--paths", "3", "--json", folder=tmp_path)
    told = json.loads(done.stdout)
    assert told["overall"] == told["by_type"]["ADT^A08"]
    assert 0.9 < told["overall"]["recall"] == told["overall"]["precision"] < 1
    assert told["missing"] == told["extra"] == {"Patient.gender": 1}
