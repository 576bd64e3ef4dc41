"""Who patients are is told to who may know, for a reason, within a limit, and on record first."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fhir_samples import code, patient
from lakes import only, patient_key, rows_of

from a360.contract import FilterPlan
from a360.errors import DeniedError, OperatorError, UsageError
from a360.trust.audit import Search, _following, search, verify
from a360.trust.policy import Policy, Principal
from a360.trust.vault import Limits, Reveals

ADA = Principal("ada", ("clinician",))
REASON = "Zebulon called back about the appointment"
COLUMN = "silver.patient.family_name_token"


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake with five patients."""
    ids = [{"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-00-1234"}]
    put(
        module_lake,
        *(patient(f"p{n}", name=[{"family": f"Quill{n}"}], identifier=ids, ids=()) for n in range(5)),
        patient("p9", name=[{"family": "Marsh"}], identifier=[{**ids[0], "type": code("SS")}]),
    )
    module_lake.run()
    return module_lake


@pytest.fixture
def reveals(lake, tmp_path):
    """The way to the vault, three patients an hour."""
    return _reveals(lake, tmp_path, lake.audit)


def _reveals(lake, folder, audit, policy=None):
    parts = lake._parts
    return Reveals(
        lake.vault,
        lake.lake_plan,
        lake.tables,
        policy or parts.policy,
        audit,
        parts.sealer,
        lock=folder / "lock",
        limits=Limits(patients=3),
    )


def asker(name):
    """A clinician whom no other test counts against."""
    return Principal(name, ("clinician",))


def records(lake, **wanted):
    """What is on record of reveals."""
    return search(lake.audit.folder, Search(action="reveal", **wanted)).read_all().to_pylist()


def test_a_clinician_learns_what_a_grant_names(lake, reveals):
    """Names are told for treatment; the social security number, which no grant of theirs names, is not."""
    found = reveals.reveal(asker("bea"), [patient_key(lake, "p0")], reason=REASON)
    rows = found.values.to_pylist()
    assert (COLUMN, "Quill0") in {(row["column"], row["value"]) for row in rows}
    assert "ssn_token" not in str(rows)
    assert "999-00-1234" not in str(rows)


def test_what_no_grant_names_is_refused_and_on_record(lake, reveals):
    """A column that is asked for and may not be known ends the request; so does a purpose of others."""
    key = patient_key(lake, "p0")
    for more in ({"columns": ["ssn_token"]}, {"purpose": "research"}):
        with pytest.raises(DeniedError):
            reveals.reveal(asker("carl"), [key], reason=REASON, **more)
    with pytest.raises(DeniedError):
        reveals.reveal(Principal("dan", ("data_scientist",)), [key], reason=REASON, purpose="research")
    assert {row["outcome"] for who in ("carl", "dan") for row in records(lake, principal=who)} == {"denied"}


def test_a_grant_to_see_tokens_is_none_to_open_them(lake):
    """The owner of the lake, who sees every column, learns nobody's name without a grant to reveal."""
    with pytest.raises(DeniedError):
        lake.reveals.reveal(patient_key(lake, "p0"), reason=REASON)


def test_who_was_told_of_is_on_record_without_a_name(lake, reveals):
    """Subjects, columns, purpose and how much; neither key nor value, and the reason only sealed."""
    key = patient_key(lake, "p1")
    request = reveals.reveal(asker("eva"), [key], reason=REASON, columns=["family_name_token"]).request
    row = only(records(lake, principal="eva"))
    assert (row["outcome"], row["purpose"], row["request"]) == ("allowed", "treatment", request)
    assert (row["column_names"], row["row_count"]) == (COLUMN, 1)
    assert row["subjects"] == lake.audit.subject(key)
    written = b"".join(path.read_bytes() for path in lake.audit.folder.glob("*.jsonl"))
    for secret in (key, "Quill1", "Zebulon"):
        assert secret.encode() not in written
    assert verify(lake.audit.folder, lake.audit.key, [lake.audit.place]).sound


def test_reasons_are_read_by_who_may_read_the_log(lake, reveals):
    """Who reviews finds the reason beside the request; that it was opened is on record, too."""
    reveals.reveal(asker("finn"), [patient_key(lake, "p1")], reason=REASON)
    found = [each for each in lake.reveals.asked() if each.principal == "finn"]
    assert [(each.reason, each.patients) for each in found] == [(REASON, 1)]
    with pytest.raises(DeniedError):
        reveals.asked(ADA)


def test_nothing_is_told_that_is_not_on_record(lake, tmp_path):
    """Where the log cannot be written, there is no answer."""

    class Broken:
        folder = lake.audit.folder
        subject = staticmethod(lake.audit.subject)

        def record_all(self, _events):
            raise OperatorError("audit-unwritable", "The log is full")

    with pytest.raises(OperatorError):
        _reveals(lake, tmp_path, Broken()).reveal(ADA, [patient_key(lake, "p0")], reason=REASON)


def test_only_so_many_patients_are_told_of_in_an_hour(lake, reveals):
    """The limit counts patients, of all requests of an hour; an hour later there is room again."""
    keys, now, gil = [patient_key(lake, f"p{n}") for n in range(5)], datetime.now(UTC), asker("gil")
    reveals.reveal(gil, keys[:2], reason=REASON, at=now)
    with pytest.raises(DeniedError) as refused:
        reveals.reveal(gil, keys[2:4], reason=REASON, at=now)
    assert refused.value.code.slug == "budget-exceeded"
    reveals.reveal(gil, keys[2:3], reason=REASON, at=now)
    with pytest.raises(DeniedError):
        reveals.reveal(gil, keys[:1], reason=REASON, at=now)
    reveals.reveal(gil, keys[3:5], reason=REASON, at=now + timedelta(hours=2))


@pytest.mark.parametrize("spoiled", ["gone", "garbage", "elsewhere"])
def test_what_was_counted_may_be_lost(lake, tmp_path, monkeypatch, spoiled):
    """A count reads what is new in the log; where what was counted is not sound, all of it is read again."""
    keys, name = [patient_key(lake, f"p{n}") for n in range(5)], asker(f"kim {spoiled}")
    one = _reveals(lake, tmp_path, lake.audit)
    one.reveal(name, keys[:2], reason=REASON)
    one.reveal(name, keys[2:3], reason=REASON)
    counted = tmp_path / "lock.json"
    read, lines = [], _following._lines
    monkeypatch.setattr(
        _following,
        "_lines",
        lambda path, start: read.append(start) or lines(path, start),
    )
    with pytest.raises(DeniedError):
        one.reveal(name, keys[3:4], reason=REASON)
    assert read[0] > 0
    if spoiled == "gone":
        counted.unlink()
    elif spoiled == "garbage":
        counted.write_text("{")
    else:
        told = json.loads(counted.read_text())
        told["place"][1] -= 1
        counted.write_text(json.dumps({**told, "told": []}))
    with pytest.raises(DeniedError) as refused:
        _reveals(lake, tmp_path, lake.audit).reveal(name, keys[3:4], reason=REASON)
    assert refused.value.code.slug == "budget-exceeded"
    assert read[-1] == 0


def test_who_acts_as_others_has_one_limit(lake, reveals):
    """It is the person that is counted, whatever name is used."""
    keys = [patient_key(lake, f"p{n}") for n in range(5)]
    one, two = (Principal(name, ("clinician",), acting_for="hal") for name in ("one", "two"))
    reveals.reveal(one, keys[:3], reason=REASON)
    with pytest.raises(DeniedError, match="hal"):
        reveals.reveal(two, keys[3:], reason=REASON)
    assert reveals.reveal(asker("one"), keys[:3], reason=REASON).values.num_rows


def test_whom_a_filter_hides_is_not_told_of(lake, tmp_path):
    """A filter on the patients binds what may be revealed as it binds what may be seen."""
    own = FilterPlan("own", ("clinician",), ("silver.patient",), "gender = :gender")
    plan = replace(lake.lake_plan, policy=replace(lake.lake_plan.policy, filters=(own,)))
    narrowed = _reveals(lake, tmp_path, lake.audit, Policy(plan))
    seen = Principal("ida", ("clinician",), attributes={"gender": "female"})
    assert narrowed.reveal(seen, [patient_key(lake, "p0")], reason=REASON).values.num_rows
    for attributes in ({"gender": "male"}, {}):
        other = Principal("jon", ("clinician",), attributes=attributes)
        with pytest.raises(DeniedError):
            narrowed.reveal(other, [patient_key(lake, "p0")], reason=REASON)


@pytest.mark.parametrize(
    ("keys", "more"),
    [
        ([], {}),
        (["Quill0"], {}),
        (["0" * 32], {"reason": "x"}),
        (["0" * 32], {"columns": ["silver.patient.gender"]}),
        (["0" * 32], {"columns": ["Quill0"]}),
    ],
)
def test_a_request_that_is_none_is_not_repeated(reveals, keys, more):
    """What is no key, no column or no reason is refused, and no message says what was typed."""
    with pytest.raises(UsageError) as refused:
        reveals.reveal(ADA, keys, **{"reason": REASON, **more})
    assert "Quill0" not in json.dumps(refused.value.to_json())


def test_the_table_of_the_vault_tells_nobody_anything(lake):
    """Its columns are the owner's alone to see, and what is in them is sealed."""
    row = rows_of(lake, "SELECT * FROM ops.identity LIMIT 1")[0]
    assert b"Quill" not in row["identity"]
    for role in ("analyst", "data_scientist", "data_engineer", "clinician", "compliance_officer"):
        asked = Principal("who", (role,))
        policy = lake._parts.policy
        for purpose in policy.purposes_of(asked):
            shown = policy.decide(asked, "select", "ops.identity", purpose=purpose).visible
            assert not {"patient_key", "subject_key", "key_id", "identity"} & set(shown)
