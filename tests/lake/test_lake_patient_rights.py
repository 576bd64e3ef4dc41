"""What a patient may ask for: a copy of everything and of nobody else, amendments, and who was told."""

import csv
import errno
import json
import re
import shutil
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
import yaml
from fhir_samples import bundle, deletion, encounter, observation, patient
from lakes import patient_key, rows_of
from small_contracts import write

import a360
from a360.contract import ConsentPlan
from a360.errors import DeniedError, OperatorError, UsageError
from a360.trust.audit import ReportOptions, Search, VerifierKey, open_certified, report, search
from a360.trust.policy import Policy
from a360.trust.rights import _export

NASTY = "<script>alert('x')</script> & =1+1"
OTHERS = ("Zephyrine", "zephyrine@example.com", "p2-secret-note")


@pytest.fixture(scope="module")
def asked(contracts, tmp_path_factory):
    """The contracts of the small lake, with the rights of a privacy officer."""
    folder = tmp_path_factory.mktemp("asked") / "contracts"
    shutil.copytree(contracts, folder)
    lake = yaml.safe_load((folder / "lake.yaml").read_text())
    amend = {
        "role": "privacy_officer",
        "actions": ["amend"],
        "purposes": ["compliance"],
        "datasets": ["ops.amendment"],
        "sensitivities": ["public", "operational", "phi", "identifier"],
    }
    lake["grants"].append(amend)
    write(folder / "lake.yaml", lake)
    return folder


@pytest.fixture(scope="module")
def lake(asked, put, tmp_path_factory):
    """A lake with a patient, one merged into them, a stranger, and what tells of both."""
    with a360.open(tmp_path_factory.mktemp("rights") / "lake", contracts=asked) as lake:
        replaced = {"other": {"reference": "Patient/p1"}, "type": "replaced-by"}
        stranger = {"reference": "Patient/p2"}
        put(
            lake,
            patient("p1", name=[{"family": NASTY}], birthDate="1980-02-03"),
            patient("p1-old", link=[replaced]),
            patient("p2", name=[{"family": OTHERS[0]}], telecom=[{"system": "email", "value": OTHERS[1]}]),
            encounter("e1", "Patient/p1", reasonCode=[{"text": NASTY}]),
            encounter("e-old", "Patient/p1-old"),
            encounter("e2", "Patient/p2", reasonCode=[{"text": OTHERS[2]}]),
            encounter("e-both", "Patient/p1", note=[{"text": OTHERS[2], "about": stranger}]),
            observation("o1", "Patient/p1", valueQuantity={"value": 0, "unit": "cm"}),
            observation("o-gone", "Patient/p1"),
            observation("o2", "Patient/p2"),
        )
        put(lake, bundle(*deletion("Observation/o-gone")))
        lake.run()
        yield lake


@pytest.fixture(scope="module")
def officer(lake, asked):
    """The same lake, opened for who answers patients."""
    with a360.open(lake.path, contracts=asked, principal="privacy_officer", purpose="compliance") as other:
        yield other


@pytest.fixture(scope="module")
def exported(lake, officer, tmp_path_factory):
    """The patient's export: its folder and report."""
    folder = tmp_path_factory.mktemp("copy") / "out"
    return folder, officer.rights.export(patient_key(lake, "p1"), folder)


def resources(folder):
    """The ids of the resources in an export, by their place."""
    return {
        f"{path.relative_to(folder).parent}/{json.loads(line)['id']}"
        for path in folder.rglob("*.ndjson")
        for line in path.read_text().splitlines()
    }


def test_everything_of_the_patient_is_there(lake, exported):
    """Resources of merged records too, deleted ones in a place of their own, every row of silver and gold."""
    folder, told = exported
    assert resources(folder) == {
        *(f"fhir/{name}" for name in ("p1", "p1-old", "e1", "e-old", "o1")),
        "fhir/deleted/o-gone",
    }
    keys = [patient_key(lake, name) for name in ("p1", "p1-old")]
    for name in ("silver.patient", "silver.encounter", "silver.observation", "gold.patient_counts"):
        among = ", ".join(f"'{key}'" for key in keys)
        [counted] = rows_of(lake, f"SELECT count(*) AS n FROM {name} WHERE patient_key IN ({among})")
        with (folder / "tables" / f"{name}.csv").open() as stream:
            assert len(list(csv.DictReader(stream))) == counted["n"] == told.rows[name] > 0


def test_nothing_of_anybody_else_is_there(lake, exported):
    """No byte of the stranger's; what tells of both is withheld and counted."""
    folder, told = exported
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).decode()
    assert told.withheld == {"Encounter": 1}
    assert [each for each in (*OTHERS, patient_key(lake, "p2"), '"p2"') if each in everything] == []


def test_what_was_received_is_handed_out_as_it_was(exported):
    """The resource is the one that came, to the last of its elements."""
    folder, _ = exported
    [first, _] = (folder / "fhir" / "Encounter.ndjson").read_text().splitlines()
    wanted = {"e1": encounter("e1", "Patient/p1", reasonCode=[{"text": NASTY}]), "e-old": None}
    each = json.loads(first)
    assert wanted[each["id"]] in (None, each)


class Tags(HTMLParser):
    """Which elements and attributes a page has, and what it says."""

    def __init__(self):
        """Nothing is seen yet."""
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attrs):
        """Note an element."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        """Note what is said."""
        self.text += data


def test_the_page_says_what_there_is_and_runs_nothing(exported):
    """What stands in data is text; nothing is loaded, and no element could run."""
    seen = Tags()
    seen.feed((exported[0] / "record.html").read_text())
    assert NASTY in seen.text
    assert "1 of Encounter tell of somebody else" in seen.text
    assert "valueQuantity: 0 cm" in seen.text
    assert seen.tags.isdisjoint({"script", "img", "iframe", "object", "link", "a", "form"})
    assert seen.attributes <= {"lang", "charset", "http-equiv", "content", "class"}


def test_files_are_their_owner_s_alone_and_named_after_nobody(lake, exported):
    """Modes 0600 and 0700; each file is in the manifest with its digest, and no cell is a formula."""
    folder, told = exported
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_dir()} == {0o700}
    listed = {each["name"] for each in json.loads((folder / "manifest.json").read_text())["files"]}
    assert listed == set(told.files)
    assert not any(re.search(r"p1|p2|Zeph", name) for name in told.files)


def test_an_export_is_on_record_before_it_is_written(lake, exported):
    """With the rules that let it, a pseudonym for each record of the patient, and how much was told."""
    found = search(lake.audit.folder, Search(request=exported[1].request)).read_all().to_pylist()
    assert [each["outcome"] for each in found] == ["allowed", "done"]
    assert {each["purpose"] for each in found} == {"compliance"}
    assert len(found[0]["subjects"].split(",")) == 2
    assert json.loads(found[0]["details"]) == {"recipient": "patient"}


def test_nobody_exports_whom_the_policy_does_not_let(lake, asked, tmp_path):
    """Not the owner, nor the officer for another purpose; it is on record, and nothing is written."""
    key = patient_key(lake, "p1")
    with pytest.raises(DeniedError):
        lake.rights.export(key, tmp_path / "a")
    with (
        a360.open(lake.path, contracts=asked, principal="privacy_officer", purpose="research") as other,
        pytest.raises(DeniedError),
    ):
        other.rights.export(key, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    denied = search(lake.audit.folder, Search(action="export", outcome="denied")).read_all()
    assert denied.num_rows == 2


def test_an_export_is_signed_and_names_who_acted(lake, exported):
    """Its manifest is under the log's key, lists every file, and has both names."""
    found = open_certified(exported[0], VerifierKey.parse(lake.audit.key.text))
    assert found.faults == ()
    [done] = [
        each
        for each in search(lake.audit.folder, Search(request=exported[1].request)).read_all().to_pylist()
        if each["outcome"] == "done"
    ]
    assert (found.told["exported_by"], found.told["acting_as"]) == (done["acting_for"], "privacy_officer")
    assert len(found.told["files"]) == len(exported[1].files)


def test_an_export_that_breaks_off_leaves_no_folder(lake, officer, tmp_path, monkeypatch):
    """Neither half of it, nor what looks whole."""

    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr(_export, "page", full)
    with pytest.raises(OperatorError, match="cannot be written"):
        officer.rights.export(patient_key(lake, "p1"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def another(asked, put, tmp_path_factory):
    """A lake of two patients, and the same lake for who answers them."""
    with a360.open(tmp_path_factory.mktemp("another") / "lake", contracts=asked) as lake:
        put(
            lake,
            patient("pat-one", identifier=[{"system": "urn:mrn", "value": "MRN-77001"}]),
            patient("pat-two", name=[{"family": OTHERS[0]}]),
            encounter("e1", "Patient/pat-one", reasonCode=[{"text": "first said of the wrong one"}]),
            encounter("e2", "Patient/pat-two"),
        )
        lake.run()
        with a360.open(
            lake.path, contracts=asked, principal="privacy_officer", purpose="compliance"
        ) as officer:
            yield lake, officer


def test_what_moved_to_somebody_else_is_never_handed_out(another, put, tmp_path):
    """Until a run has moved its rows too, nothing is; what came of others is in nobody's way."""
    lake, officer = another
    key = patient_key(lake, "pat-one")
    put(lake, encounter("e2", "Patient/pat-two", reasonCode=[{"text": "of two alone"}]))
    officer.rights.export(key, tmp_path / "before")
    put(lake, encounter("e1", "Patient/pat-two", reasonCode=[{"text": OTHERS[2]}]))
    with pytest.raises(UsageError, match="not come into every table") as refused:
        officer.rights.export(key, tmp_path / "meanwhile")
    assert "silver.encounter" in str(refused.value.where)
    lake.run("silver.encounter")
    with pytest.raises(UsageError, match="not come into every table") as refused:
        officer.rights.export(key, tmp_path / "meanwhile")
    assert "gold.patient_counts" in str(refused.value.where)
    lake.run()
    officer.rights.export(key, tmp_path / "after")
    everything = b"".join(path.read_bytes() for path in (tmp_path / "after").rglob("*") if path.is_file())
    assert b"first said" not in everything
    assert OTHERS[2].encode() not in everything
    assert not (tmp_path / "meanwhile").exists()


def test_what_was_refused_of_the_patient_is_there_or_told_of(another, tmp_path):
    """A resource that names them alone is handed out; what cannot be read is counted, and never told."""
    lake, officer = another
    refused = tmp_path / "Encounter.ndjson"
    refused.write_text(
        json.dumps(
            {"resourceType": "Encounter", "subject": {"reference": "Patient/pat-one"}, "status": "mine"}
        )
        + "\n"
        + json.dumps(
            {"resourceType": "Encounter", "subject": {"reference": "Patient/pat-two"}, "status": "theirs"}
        )
        + "\n"
        + '{"resourceType": "Encounter", "subject": {"reference": "Patient/pat-one"}, "status": \n'
        + '{"resourceType": \n'
    )
    lake.ingest(refused)
    assert [row["n"] for row in rows_of(lake, "SELECT count(*) AS n FROM quarantine.fhir_resource")] == [4]
    told = officer.rights.export(patient_key(lake, "pat-one"), tmp_path / "out")
    [line] = (tmp_path / "out" / "refused" / "Encounter.ndjson").read_text().splitlines()
    assert json.loads(line)["status"] == "mine"
    assert sorted(told.refused_not_told.values()) == [1, 1]
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"theirs" not in everything


def test_what_was_refused_of_others_is_never_in_memory_at_once(another, tmp_path):
    """It is opened some rows at a time, so that memory does not grow with what a lake has refused."""
    lake, officer = another
    strange = {"resourceType": "Encounter", "subject": {"reference": "Patient/pat-two"}}
    rows, size = 2_000, 20_000
    with (tmp_path / "Encounter.ndjson").open("w") as stream:
        for at in range(rows):
            stream.write(json.dumps({**strange, "status": f"{at:05}" * (size // 5)}) + "\n")
    lake.ingest(tmp_path / "Encounter.ndjson")
    [waiting] = rows_of(lake, "SELECT count(*) AS n FROM quarantine.fhir_resource")
    assert waiting["n"] >= rows
    key = patient_key(lake, "pat-one")
    tracemalloc.start()
    try:
        officer.rights.export(key, tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < rows * size / 2


def test_who_is_not_there_and_what_is_not_empty_is_refused(officer, exported, tmp_path):
    """A key that nobody has gives nothing; a folder that holds something is left as it is."""
    with pytest.raises(UsageError, match="holds nothing of this patient"):
        officer.rights.export("0" * 32, tmp_path / "out")
    with pytest.raises(UsageError, match="a folder of its own"):
        officer.rights.export("0" * 32, exported[0])


def test_an_accounting_tells_what_others_got_and_not_what_the_patient_did(lake, officer, tmp_path):
    """A copy for somebody else is a disclosure with its recipient; the patient's own is none."""
    key = patient_key(lake, "p1")
    officer.rights.export(key, tmp_path / "one")
    officer.rights.export(key, tmp_path / "two", recipient="The Court")
    wanted = {"subject": lake.audit.subject(key)}
    told = report(lake.audit.folder, "disclosures", ReportOptions(**wanted)).to_pylist()
    mine = [each for each in told if each["action"] == "export"]
    assert [(each["recipient"], each["concerned"]) for each in mine] == [("The Court", "certain")]
    every = report(lake.audit.folder, "disclosures", ReportOptions(**wanted, everything=True)).to_pylist()
    assert {each["recipient"] for each in every if each["action"] == "export"} == {"patient", "The Court"}


@pytest.mark.parametrize("exempt", [(), ("compliance",)])
def test_what_hangs_on_a_consent_goes_to_the_patient_alone(officer, lake, tmp_path, monkeypatch, exempt):
    """Where a consent rule binds something of patients, only they get copies, but for purposes it exempts."""
    key, parts = patient_key(lake, "p1"), officer.rights._parts
    columns = ("silver.observation.observation_id",)
    rule = ConsentPlan("part2", columns, "silver.consent", "patient_key", "true", None, {}, exempt)
    policy = replace(parts.plan.policy, consents=(rule,))
    monkeypatch.setitem(parts.__dict__, "policy", Policy(replace(parts.plan, policy=policy)))
    assert officer.rights.export(key, tmp_path / "own").folder == tmp_path / "own"
    if exempt:
        officer.rights.export(key, tmp_path / "other", recipient="The Court")
    else:
        with pytest.raises(DeniedError, match="under the consent part2"):
            officer.rights.export(key, tmp_path / "other", recipient="The Court")
    assert (tmp_path / "other").exists() == bool(exempt)


def test_a_request_for_amendment_is_due_in_sixty_days_and_ninety_once_extended(lake, officer):
    """Each step adds a row; texts lie sealed, and opening them is on record."""
    made = officer.rights.request_amendment(patient_key(lake, "p1"), "My date of birth is 1981.")
    assert made.due_at - made.requested_at == timedelta(days=60)
    assert made.days_left(made.requested_at + timedelta(days=61)) < 0
    extended = officer.rights.decide_amendment(made.amendment_id, "extended", "We wait for the registry.")
    assert extended.due_at - made.requested_at == timedelta(days=90)
    with pytest.raises(UsageError, match="any more"):
        officer.rights.decide_amendment(made.amendment_id, "extended", "Once more.")
    with pytest.raises(UsageError, match="has a basis"):
        officer.rights.decide_amendment(made.amendment_id, "denied", "It is right.")
    denied = officer.rights.decide_amendment(made.amendment_id, "denied", "It is right.", basis="accurate")
    assert (denied.state, denied.is_open, denied.basis) == ("denied", False, "accurate")
    assert officer.rights.amendments() == []
    with pytest.raises(UsageError, match="any more"):
        officer.rights.decide_amendment(made.amendment_id, "rebutted", "We said why.")
    disagreed = officer.rights.decide_amendment(made.amendment_id, "disagreed", "It is wrong still.")
    assert (disagreed.state, disagreed.is_open, disagreed.basis) == ("disagreed", False, "accurate")
    rebutted = officer.rights.decide_amendment(made.amendment_id, "rebutted", "We said why.")
    assert rebutted.state == "rebutted"
    with pytest.raises(UsageError, match="any more"):
        officer.rights.decide_amendment(made.amendment_id, "accepted", "After all.")
    shown = officer.rights.amendment(made.amendment_id)
    assert [(event, text) for event, _, _, text in shown.texts] == [
        ("requested", "My date of birth is 1981."),
        ("extended", "We wait for the registry."),
        ("denied", "It is right."),
        ("disagreed", "It is wrong still."),
        ("rebutted", "We said why."),
    ]
    steps = rows_of(lake, "SELECT event, text FROM ops.amendment ORDER BY known_at")
    assert [row["event"] for row in steps] == ["requested", "extended", "denied", "disagreed", "rebutted"]
    assert not any(b"birth" in row["text"] for row in steps)
    opened = search(lake.audit.folder, Search(action="open", object="ops.amendment")).read_all().to_pylist()
    assert [each["outcome"] for each in opened] == ["allowed"]


def test_nobody_works_with_requests_whom_the_policy_does_not_let(lake):
    """Not even the owner of the folder, and what was tried is on record."""
    with pytest.raises(DeniedError):
        lake.rights.request_amendment(patient_key(lake, "p1"), "Change it.")
    with pytest.raises(DeniedError):
        lake.rights.amendments()
    since = datetime.now(UTC) - timedelta(minutes=5)
    denied = search(lake.audit.folder, Search(action="amend", outcome="denied", since=since)).read_all()
    assert denied.num_rows == 2
