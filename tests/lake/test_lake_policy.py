"""A lake opened for somebody: the policy decides what its queries show, and it does nothing else."""

import shutil

import pytest
import yaml
from fhir_samples import encounter, patient
from lakes import rows_of

import a360
from a360.errors import A360Error, DeniedError
from a360.trust.audit import Search, search, verify


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake with two patients and a visit."""
    put(module_lake, patient("p1", birthDate="1980-02-03"), patient("p2"), encounter("e1"))
    module_lake.run()
    return module_lake


@pytest.fixture
def opened(lake, contracts):
    """Opens the same lake for somebody."""

    def for_(principal, purpose=None):
        return a360.open(lake.path, contracts=contracts, principal=principal, purpose=purpose)

    return for_


def test_a_role_sees_what_it_is_granted(lake, opened):
    """Rows of the owner's answer under the masks of the role."""
    sql = "SELECT patient_key, birth_date FROM silver.patient WHERE birth_date IS NOT NULL"
    (mine,) = rows_of(lake, sql)
    with opened("data_scientist", "research") as other:
        (theirs,) = rows_of(other, sql)
        assert other.table("silver.patient").num_rows == 2
    assert str(theirs["birth_date"]) == "1980-01-01"
    assert theirs["patient_key"] != mine["patient_key"]
    assert len(theirs["patient_key"]) == len(mine["patient_key"])


def test_a_role_without_a_grant_or_a_purpose_sees_nothing(opened):
    """Whatever is not granted is not there."""
    with opened("platform_engineer") as other, pytest.raises(DeniedError):
        other.query("SELECT * FROM silver.patient")
    with opened("data_scientist", "treatment") as other, pytest.raises(DeniedError):
        other.query("SELECT count(*) FROM silver.patient")


def test_nobody_acts_as_whom_the_policy_does_not_name(lake, opened):
    """A name that is no user and no role is refused at the first question, on record and without the name."""
    with opened("mallory") as other, pytest.raises(DeniedError, match="may not act as"):
        other.query("SELECT 1")
    [refused] = search(lake.audit.folder, Search(action="impersonate")).read_all().to_pylist()
    assert refused["outcome"] == "denied"
    assert "mallory" not in str(refused)


@pytest.mark.parametrize(
    "reach",
    [
        lambda lake: lake.tables,
        lambda lake: lake.catalog,
        lambda lake: lake.run(),
        lambda lake: lake.diff("silver.patient", "1"),
        lambda lake: lake.quarantine,
        lambda lake: lake.attachments,
        lambda lake: lake.note_text("1"),
        lambda lake: lake.check(),
        lambda lake: lake.history(),
        lambda lake: lake.tables_info(),
        lambda lake: lake.quality_trends(),
        lambda lake: lake.audit,
    ],
)
def test_nothing_but_queries_is_open_to_whom_the_policy_binds(opened, reach):
    """Differences, histories, reports and the tables themselves are no side doors."""
    with opened("data_scientist", "research") as other, pytest.raises(DeniedError):
        reach(other)


def test_both_names_are_on_record(lake, opened):
    """Who acts as another is named beside it; the log is a table that only some may read."""
    with opened("analyst", "operations") as other:
        other.query("SELECT count(*) FROM gold.patient_counts")
    sql = (
        "SELECT principal, acting_for, outcome, row_count FROM ops.audit "
        "WHERE acting_for IS NOT NULL AND purpose = 'operations' ORDER BY sequence"
    )
    rows = rows_of(lake, sql)
    assert [row["outcome"] for row in rows] == ["allowed", "done"]
    assert {(row["principal"], row["acting_for"]) for row in rows} == {("analyst", "owner")}
    assert rows[-1]["row_count"] == 1


@pytest.fixture
def clinician(lake, contracts, tmp_path, monkeypatch):
    """Opens the lake as an account that is a clinician's, who may break the glass for patients."""
    folder = shutil.copytree(contracts, tmp_path / "contracts")
    declared = yaml.safe_load((folder / "lake.yaml").read_text())
    declared["users"]["ada"] = {"description": "A doctor.", "os": "ada", "roles": ["clinician"]}
    rule = {"name": "emergency_care", "roles": ["clinician"], "purposes": ["treatment"], "minutes": 30}
    shows = {"datasets": ["silver.patient"], "sensitivities": ["operational", "phi", "identifier"]}
    declared["breakGlass"] = [rule | shows]
    (folder / "lake.yaml").write_text(yaml.safe_dump(declared))

    def for_(**more):
        monkeypatch.setattr("a360.lake._asker.account", lambda _: "ada")
        return a360.open(lake.path, contracts=folder, **more)

    return for_


def test_the_glass_is_broken_for_a_while_and_reviewed(lake, clinician, monkeypatch):
    """An emergency shows what its rule says, also to the next process, until somebody else looks at it."""
    sql = "SELECT patient_key FROM silver.patient"
    with clinician() as ada, pytest.raises(DeniedError):
        ada.query(sql)
    with clinician(emergency="emergency_care", reason="unconscious on arrival") as ada:
        assert ada.query(sql).num_rows == ada.query(sql).num_rows == 2
        with pytest.raises(DeniedError):
            ada.emergencies()
    with clinician(emergency="emergency_care") as ada:
        assert ada.query(sql).num_rows == 2
    monkeypatch.undo()
    changes = search(lake.audit.folder, Search(action="grant.change")).read_all().to_pylist()
    assert "user ada" in changes[-1]["details"]
    [waiting] = lake.emergencies()
    assert (waiting.principal, waiting.reason, waiting.open) == ("ada", "unconscious on arrival", True)
    under = f"details LIKE '%\"{waiting.id}\"%' AND outcome = 'done'"
    [told] = rows_of(lake, f"SELECT count(*) AS n, sum(row_count) AS told FROM ops.audit WHERE {under}")
    assert (told["n"], told["told"]) == (3, 6)
    assert lake.review_emergency(waiting.id, "justified", "the patient was there").reviewer == "owner"


def test_no_word_of_a_query_or_of_a_patient_gets_on_record(lake):
    """Values that are asked for, and values that are answered, are nowhere in the files of the audit log."""
    canaries = ["Zebulon", "QX7731", "1980-02-03"]
    for sql in (
        "SELECT birth_date AS Zebulon FROM silver.patient WHERE birth_date = DATE '1980-02-03' -- QX7731",
        "WITH zebulon AS (SELECT 'QX7731' AS x) SELECT * FROM zebulon, silver.patient",
    ):
        lake.query(sql)
    for sql in ("SELECT * FROM silver.zebulon", "SELECT 'QX7731", "SELECT Zebulon FROM silver.patient"):
        with pytest.raises(A360Error):
            lake.query(sql)
    [row, *_] = rows_of(lake, "SELECT patient_key FROM silver.patient")
    written = b"".join(path.read_bytes() for path in lake.audit.folder.glob("*.jsonl"))
    for canary in (*canaries, row["patient_key"]):
        assert canary.lower().encode() not in written.lower()
    assert verify(lake.audit.folder, lake.audit.key, [lake.audit.place]).sound
