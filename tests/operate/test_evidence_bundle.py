"""Evidence: proofs that are run, the colours that follow, and a bundle that shows any change of itself."""

import dataclasses
import json
import random
import shutil
from importlib.metadata import version
from pathlib import Path

import pytest
from fhir_samples import encounter, patient
from lakes import Pattern

import a360
from a360.cli._main import run
from a360.errors import DataError, OperatorError, UsageError
from a360.lake import Keys
from a360.lake._evidence import LakeEvidence
from a360.lake._verify import Verification
from a360.operate._doctor import DoctorCheck
from a360.operate._evidence import (
    EVIDENCE,
    PAGE,
    SIGNATURE,
    Control,
    Rule,
    _checks,
    gather,
    open_bundle,
    run_tests,
)
from a360.operate._evidence._checks import run_checks
from a360.operate._evidence._facts import state_of_tests
from a360.trust.policy import Principal

TREE = '''
import os
import pytest


def test_good():
    """Good holds."""


def test_bad():
    assert False


@pytest.mark.parametrize("value", [1, 2, 3])
def test_partly(value):
    assert value != 2


@pytest.mark.parametrize("value", [1, 2])
def test_skipped_once(value):
    if value == 2:
        pytest.skip("not here")


@pytest.fixture
def broken():
    raise ValueError


def test_without_ground(broken):
    pass


def test_knows_of_no_lake():
    assert not [name for name in os.environ if name.startswith("A360_")]
'''
FILE = "tests/test_tree.py"


def named(*functions):
    """Tests of the tree by their names."""
    return tuple(f"{FILE}::{each}" for each in functions)


def rule(**proofs):
    """A rule of controls that have these tests."""
    controls = (
        Control(id=id_, title=id_, kind="standard", does="x", page="x", tests=tests)
        for id_, tests in proofs.items()
    )
    return Rule(rule="A rule", status="in force", controls=tuple(controls))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A checkout with a file of tests."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "tests").mkdir()
    (folder / FILE).write_text(TREE)
    return folder


def test_a_failing_test_turns_its_controls_red(tree, monkeypatch):
    """Green needs each case to pass; one that fails, breaks or is not there is red, a skipped one grey."""
    monkeypatch.setenv("A360_LAKE", "/nowhere")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    controls = rule(
        good=named("test_good", "test_knows_of_no_lake"),
        case=named("test_partly[1]"),
        bad=named("test_good", "test_bad"),
        partly=named("test_partly"),
        skipped=named("test_skipped_once"),
        broken=named("test_without_ground"),
        absent=named("test_that_is_not_there"),
        outside=(),
    )
    found = gather(None, tests=tree, rules=[controls])
    assert {each.control.id: each.colour for each in found.controls} == {
        "good": "green",
        "case": "green",
        "bad": "red",
        "partly": "red",
        "skipped": "grey",
        "broken": "red",
        "absent": "red",
        "outside": "grey",
    }
    assert found.tally == {"green": 2, "red": 4, "grey": 2}
    assert found.proofs[named("test_good")[0]].says == "Good holds."
    assert found.proofs[named("test_partly")[0]].finding.found == "1 of 3 cases failed"


def test_without_tests_nothing_is_green():
    """Where no checkout is named, what rests on tests was not run."""
    [judged] = gather(None, rules=[rule(one=named("test_good"))]).controls
    assert (judged.colour, judged.why) == ("grey", "1 of 1 proofs were not run")


def test_tests_that_do_not_end_have_failed(tmp_path):
    """After the time that they may take tests are ended, and prove nothing."""
    (tmp_path / "tests").mkdir()
    (tmp_path / FILE).write_text("import time\n\ndef test_long():\n    time.sleep(600)\n")
    [finding] = run_tests(tmp_path, named("test_long"), longest=2).values()
    assert finding.outcome == "failed"
    assert "ended after 2 seconds" in finding.found


@pytest.mark.parametrize("death", ["os._exit(0)", "pytest.exit('enough', 2)"])
def test_cases_that_never_ran_are_no_proof(tmp_path, death):
    """Where pytest dies before it came to the later cases, a test of which all passed that ran has failed."""
    (tmp_path / "tests").mkdir()
    (tmp_path / FILE).write_text(f"""
import os
import pytest


@pytest.fixture
def deadly(request):
    if request.node.callspec.params["value"] == 2:
        {death}


@pytest.mark.parametrize("value", [1, 2, 3])
def test_cut_off(deadly, value):
    pass
""")
    [finding] = run_tests(tmp_path, named("test_cut_off")).values()
    assert finding.outcome == "failed"
    assert "2 of 3 cases did not come to an end" in finding.found


@pytest.mark.parametrize("name", ["conftest.py", "pyproject.toml", "tests/words.txt"])
def test_the_digest_of_tests_covers_what_decides_them(tmp_path, name):
    """A conftest.py in the root, the settings of pytest and what tests read are part of the digest."""
    (tmp_path / "tests").mkdir()
    (tmp_path / FILE).write_text(TREE)
    before = state_of_tests(tmp_path).digest
    (tmp_path / name).write_text("")
    assert state_of_tests(tmp_path).digest != before


def test_a_folder_without_tests_is_told(tmp_path):
    """No checkout is an error and not evidence."""
    with pytest.raises(OperatorError) as caught:
        run_tests(tmp_path, named("test_good"))
    assert caught.value.code.slug == "input-missing"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory, contracts, put):
    """A lake with rows in it, copied for who breaks it."""
    folder = tmp_path_factory.mktemp("proven") / "lake"
    with a360.open(folder, contracts=contracts) as lake:
        put(lake, patient("p1", family="Quill"), encounter("e1"))
        lake.run()
    return Pattern(folder)


@pytest.fixture(scope="module")
def bundle(pattern, contracts, tmp_path_factory, tree):
    """A bundle of the lake's evidence, with the lake's public key and the lake's own word of it."""
    folder = tmp_path_factory.mktemp("out") / "bundle"
    with a360.open(pattern.again(), contracts=contracts) as lake:
        report = lake.evidence.gather(folder)
        return folder, lake.audit.key, report


def test_a_bundle_tells_all_and_no_more(bundle, pattern):
    """Each control and proof is in it, in one spelling, with software and plan; no path and no patient."""
    folder, key, report = bundle
    content = (folder / EVIDENCE).read_text("utf-8")
    told = json.loads(content)
    assert content == json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert open_bundle(folder, key).digest == report.digest
    assert {each for control in told["controls"] for each in control["proofs"]} == {
        each["name"] for each in told["proofs"]
    }
    assert told["software"]["version"] == version("a360-data-lake")
    assert len(told["plan"]) == 32
    shown = content + (folder / PAGE).read_text("utf-8")
    for hidden in (
        str(pattern.folder.parent),
        str(Path(a360.__file__).parent),
        "Quill",
        str(Path.home()) + "/",
    ):
        assert hidden not in shown
    assert all(each.stat().st_mode & 0o077 == 0 for each in (folder, *folder.iterdir()))


def test_checks_hold_on_a_lake_in_order(bundle):
    """On a lake that nobody broke all checks pass but those that its operator has to do something for."""
    told = bundle[2].told
    failed = {each["name"]: each["found"] for each in told["proofs"] if each["outcome"] == "failed"}
    assert failed.keys() <= {"audit-anchored", "keys-copied", "policy-examples"}, failed


def test_a_bundle_that_was_changed_is_refused(bundle, tmp_path):
    """Any flipped bit of any file is found, and so is a file that is missing or was added."""
    folder, key, _ = bundle
    chosen = random.Random(8)
    for name in (EVIDENCE, PAGE, SIGNATURE):
        content = bytearray((folder / name).read_bytes())
        # What ends a note's last line is no part of it.
        for _ in range(20):
            copy = tmp_path / f"{name}-{chosen.randrange(10**9)}"
            shutil.copytree(folder, copy)
            place = chosen.randrange(len(content) - 1)
            (copy / name).write_bytes(
                content[:place] + bytes([content[place] ^ 1 << chosen.randrange(8)]) + content[place + 1 :]
            )
            refused(copy, key)
        copy = tmp_path / f"less-{name}"
        shutil.copytree(folder, copy)
        (copy / name).unlink()
        refused(copy, key)
    more = tmp_path / "more"
    shutil.copytree(folder, more)
    (more / "evidence-2.html").touch()
    refused(more, key)


def refused(folder, key):
    """The bundle in a folder does not count."""
    with pytest.raises(DataError) as caught:
        open_bundle(folder, key)
    assert caught.value.code.slug == "evidence-refused"


def test_what_was_signed_as_something_else_is_no_evidence(bundle, pattern, contracts, tmp_path):
    """Certificates of releases and erasures have the same key; another lake's evidence has another."""
    folder, key, _ = bundle
    with a360.open(pattern.again(), contracts=contracts) as lake:
        for number, content in enumerate((b'{"form":"a360-release-certificate/1"}\n', b"[]\n")):
            copy = tmp_path / str(number)
            shutil.copytree(folder, copy)
            (copy / EVIDENCE).write_bytes(content)
            (copy / SIGNATURE).write_text(lake.audit.certify(content))
            refused(copy, key)
    with a360.open(tmp_path / "other") as other:
        refused(folder, other.audit.key)


def test_an_older_bundle_is_told_from_the_newest(pattern, contracts, tmp_path, monkeypatch, capsys):
    """An old bundle is genuine still, and the log knows a newer one; a forged one is not in the log."""
    path = pattern.again()
    with a360.open(path, contracts=contracts) as lake:
        for name in ("old", "new", "forged"):
            lake.evidence.gather(tmp_path / name, sample=1)
        told = json.loads((tmp_path / "forged" / EVIDENCE).read_bytes())
        content = json.dumps({**told, "tally": {"green": 99, "grey": 0, "red": 0}}).encode()
        (tmp_path / "forged" / EVIDENCE).write_bytes(content)
        (tmp_path / "forged" / SIGNATURE).write_text(lake.audit.certify(content))
        with pytest.raises(UsageError):
            lake.evidence.gather(tmp_path / "old")
    monkeypatch.chdir(tmp_path)

    def verified(name):
        code = run(["evidence", "--lake", str(path), "--json", "verify", name])
        return code, json.loads(capsys.readouterr().out)

    code, old = verified("old")
    assert code == 0
    assert old["newer"] is not None
    code, new = verified("new")
    assert code == 0
    assert new["record"] > old["record"]
    code, forged = verified("forged")
    assert code == 4
    assert forged["record"] is None


def test_the_command_says_what_is_red(pattern, contracts, tmp_path, monkeypatch, capsys):
    """Exit code 4 and each failed proof with its controls; the bundle is there all the same."""
    monkeypatch.setenv("A360_CONTRACTS", str(contracts))
    monkeypatch.chdir(tmp_path)
    assert run(["evidence", "--lake", str(pattern.again())]) == 4
    shown = capsys.readouterr().out
    assert "RED  164.312(b), proposed 164.312(d): audit-anchored:" in shown
    [folder] = tmp_path.glob("evidence-*")
    assert sorted(each.name for each in folder.iterdir()) == [PAGE, EVIDENCE, SIGNATURE]


def in_clear(subject):
    """The lake under a plan by which a column that is in clear identifies somebody."""
    tables = tuple(
        dataclasses.replace(
            table,
            columns=tuple(
                dataclasses.replace(column, sensitivity="identifier") if column.name == "gender" else column
                for column in table.columns
            ),
        )
        for table in subject.plan.tables
    )
    return dataclasses.replace(subject, plan=dataclasses.replace(subject.plan, tables=tables))


BREAKS = {
    "folder-private": lambda lake, _: lake.path.chmod(0o755),
    "policy-on-record": lambda lake, _: (lake.path / "policy.json").write_text("{}"),
    "erasures-complete": lambda lake, _: broken_journal(lake.path),
    "spill-encrypted": lambda lake, _: lake.tables.session.execute("SET temp_file_encryption = false"),
    "audit-whole": lambda lake, _: flip(next((lake.path / "audit").glob("*.jsonl"))),
    "files-whole": lambda lake, _: flip(next((lake.path / "warehouse/silver").rglob("*.parquet"))),
    "keys-open": lambda lake, _: flip(next((lake.path / "keys").rglob("*.pack*"))),
    "payloads-sealed": lambda _, patch: patch.setattr(_checks, "_SEALED", "00000000"),
    "nobody-sees-nothing": lambda _, patch: patch.setattr(_checks, "NOBODY", Principal("x", ("owner",))),
    "queries-locked": lambda _, patch: patch.setattr(
        _checks, "worker_checks", lambda: [DoctorCheck("trust", "worker", "fail", "reaches a file")]
    ),
}


def flip(path):
    """Change a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def broken_journal(path):
    """An erasure that somebody began."""
    (path / "erasures").mkdir(exist_ok=True)
    for name in ("1.begun.json", "1.begun.jsonl"):
        (path / "erasures" / name).write_text("{")


@pytest.mark.parametrize("name", BREAKS)
def test_a_check_fails_where_what_it_proves_is_broken(name, pattern, contracts, monkeypatch):
    """Each check fails on a lake that is as it should not be, and passed before."""
    with a360.open(pattern.again(), contracts=contracts) as lake:
        subject = LakeEvidence(lake._parts)._subject(None)
        looked = lambda: run_checks(subject, [name])[name].outcome  # noqa: E731
        if name not in {"audit-whole", "files-whole", "keys-open"}:  # read once for all three
            assert looked() == "passed"
        BREAKS[name](lake, monkeypatch)
        assert looked() == "failed"


def test_clear_values_in_a_column_of_identifiers_are_found(pattern, contracts):
    """One value that is no token is enough; the finding names the column and never the value."""
    with a360.open(pattern.again(), contracts=contracts) as lake:
        subject = in_clear(LakeEvidence(lake._parts)._subject(None))
        finding = run_checks(subject, ["identifiers-tokenised"])["identifiers-tokenised"]
    assert finding.outcome == "failed"
    assert "silver.patient.gender" in finding.found
    assert "female" not in finding.found


def test_files_that_were_not_read_are_no_proof(pattern, contracts):
    """A sample that found nothing, and a lake without files, leave the check open."""
    with a360.open(pattern.again(), contracts=contracts) as lake:
        subject = LakeEvidence(lake._parts)._subject
        looked = lambda each: run_checks(each, ["files-whole"])["files-whole"]  # noqa: E731
        assert looked(subject(None)).outcome == "passed"
        sampled = looked(subject(1))
        assert (sampled.outcome, sampled.found.partition(" of ")[0]) == ("not run", "1")
        empty = dataclasses.replace(subject(None), verified=lambda: Verification(0, 0, 0, ()))
        assert looked(empty).outcome == "not run"


def test_copies_of_keys_are_known_by_the_log(pattern, contracts, tmp_path, monkeypatch):
    """Without a backup on record the check fails, with a new one it passes, with an old one it fails."""
    with a360.open(pattern.again(), contracts=contracts) as lake:
        subject = LakeEvidence(lake._parts)._subject(None)
        looked = lambda: run_checks(subject, ["keys-copied"])["keys-copied"].outcome  # noqa: E731
        assert looked() == "failed"
        lake.close()
        with pytest.raises(OperatorError):
            Keys(subject.settings).back_up(tmp_path / "nowhere" / "keys.tar")
        assert looked() == "failed"
        Keys(subject.settings).back_up(tmp_path / "keys.tar")
        assert looked() == "passed"
        monkeypatch.setattr(_checks, "_COPY_AGE", _checks._COPY_AGE * 0)
        assert looked() == "failed"
