"""Vocabularies in governed tables: versions side by side, and what contracts make of them."""

import pytest
from fhir_samples import patient
from small_contracts import change
from terms import COLOURS, coded_contracts, colours, condition, lines

import a360
from a360.errors import DataError, UsageError
from a360.failpoints import ENV, FailpointError


@pytest.fixture
def lake(tmp_path, coded):
    """A fresh lake whose contracts declare no vocabulary yet."""
    import shutil  # noqa: PLC0415 - of this fixture alone

    contracts = shutil.copytree(coded, tmp_path / "contracts")
    with a360.open(tmp_path / "lake", contracts=contracts) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """The contracts of that lake."""
    return tmp_path / "contracts"


def results(lake, dataset="silver.condition"):
    """What the rules on codes measured last, by rule."""
    [told] = lake.check(dataset).to_json()
    return {rule["rule"]: rule for rule in told["rules"] if rule["rule"] in RULES}


RULES = {"code_is_a_colour", "code_vocabulary_loaded"}


def test_declared_vocabularies_come_with_a_run(lake, folder, put):
    """What the contracts declare is loaded by the run that needs it, on record, and not twice."""
    colours(folder, "red", "green")
    put(lake, patient(), condition("c1", "red"), condition("c2", "mauve"))
    lake.run()
    assert {row["code"] for row in lake.table("silver.concept").to_pylist()} == {"red", "green"}
    told = results(lake)
    assert (told["code_is_a_colour"]["failed"], told["code_is_a_colour"]["checked"]) == (1, 2)
    assert told["code_vocabulary_loaded"]["passed"]
    snapshots = [lake.tables.current_snapshot_id(name) for name in lake.tables.list("silver")]
    assert not lake.run().changed
    assert [lake.tables.current_snapshot_id(name) for name in lake.tables.list("silver")] == snapshots
    steps = lake.query("SELECT dataset, landed FROM ops.run_step WHERE dataset LIKE 'silver.%'").to_pylist()
    assert {"dataset": "silver.concept", "landed": 2} in steps


def test_a_rule_without_its_vocabulary_warns_and_never_passes_in_silence(lake, put):
    """While nothing is loaded no code fails, and a rule of its own says that none was looked up."""
    put(lake, patient(), condition("c1", "mauve"))
    lake.run()
    told = results(lake)
    assert told["code_is_a_colour"]["failed"] == 0
    loaded = told["code_vocabulary_loaded"]
    assert (loaded["passed"], loaded["severity"], loaded["measured"]) == (False, "warning", 0)
    assert lake.terminology.missing() == [(COLOURS, ["silver.condition"])]


def test_codes_of_other_systems_are_not_judged(lake, folder, put):
    """With a column of code systems, only codes said to be of this one are looked up."""
    colours(folder, "red")
    put(lake, patient(), condition("c1", "mauve", system="urn:else"), condition("c2", "red"))
    lake.run()
    assert results(lake)["code_is_a_colour"]["failed"] == 0


def test_a_changed_content_needs_a_new_version(lake, folder, put):
    """Under a version that is loaded, other content is refused; under a new one both stand side by side."""
    colours(folder, "red")
    put(lake, patient(), condition("c1", "mauve"))
    lake.run()
    colours(folder, "red", "mauve")
    with pytest.raises(DataError) as caught:
        lake.run()
    assert caught.value.code.slug == "vocabulary-changed"
    assert results(lake)["code_is_a_colour"]["failed"] == 1
    colours(folder, "red", "mauve", version="2")
    lake.run()
    assert results(lake)["code_is_a_colour"]["failed"] == 0
    versions = {row["version"]: row["is_current"] for row in lake.terminology.versions()}
    assert versions == {"1": False, "2": True}
    assert lake.table("silver.concept").num_rows == 3


def test_another_version_becomes_current_and_back(lake, folder, put):
    """Codes are looked up in the version that is current; the rows of others stay as they are."""
    colours(folder, "red")
    put(lake, patient(), condition("c1", "mauve"))
    lake.run()
    colours(folder, "mauve", version="2")
    lake.load_vocabulary("clinic", current=False)
    assert results(lake)["code_is_a_colour"]["failed"] == 1
    lake.use_vocabulary("colours", "2")
    assert results(lake)["code_is_a_colour"]["failed"] == 0
    lake.use_vocabulary(COLOURS, "1")
    assert results(lake)["code_is_a_colour"]["failed"] == 1
    with pytest.raises(UsageError, match="unknown-vocabulary"):
        lake.use_vocabulary("colours", "3")


def test_bad_codes_go_to_quarantine_whatever_came_first(tmp_path, put):
    """With severity error an unknown code is refused, also where the vocabulary came after the data."""
    folder = coded_contracts(tmp_path / "contracts", severity="error")
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient(), condition("c1", "red"), condition("c2", "mauve"))
        lake.run()
        assert lake.table("silver.condition").num_rows == 2
        colours(folder, "red")
        lake.load_vocabulary("clinic")
        lake.run()
        assert lake.table("silver.condition")["condition_id"].to_pylist() == ["c1"]
        [refused] = lake.quarantine.list("silver.condition")
        assert (refused["rule"], refused["rows"]) == ("code_is_a_colour", 1)
        colours(folder, "red", "mauve", version="2")
        lake.run()
        assert sorted(lake.table("silver.condition")["condition_id"].to_pylist()) == ["c1", "c2"]
        assert not lake.quarantine.list("silver.condition")


def test_the_share_of_unknown_codes_is_a_rule_of_the_dataset(tmp_path, put):
    """With any other operator the rule counts, and a share that is too large stops the commit."""
    bound = {"mustBeLessThan": 40, "unit": "percent"}
    folder = coded_contracts(tmp_path / "contracts", severity="error", bound=bound)
    colours(folder, "red")
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(lake, patient(), condition("c1", "red"), condition("c2", "red"), condition("c3", "mauve"))
        lake.run()
        assert round(results(lake)["code_is_a_colour"]["measured"]) == 33
        put(lake, condition("c4", "mauve"))
        with pytest.raises(DataError, match="rule-blocked"):
            lake.run()


def test_a_value_set_takes_system_and_code_together(tmp_path, put):
    """A code of another system is no member, though it be spelled alike."""
    arguments = {"valueSet": "urn:warm", "systemColumn": "code_system"}
    folder = coded_contracts(tmp_path / "contracts", arguments=arguments)
    colours(folder, "red", "green")
    (folder / "terminology" / "warm.yaml").write_text(
        'kind: valueSet\nuri: "urn:warm"\nversion: "1"\nname: warm\n'
        f'include:\n  - {{system: "{COLOURS}", codes: [red]}}\n'
    )
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        put(
            lake,
            patient(),
            condition("c1", "red"),
            condition("c2", "green"),
            condition("c3", "red", system="urn:else"),
        )
        lake.run()
        assert results(lake)["code_is_a_colour"]["failed"] == 2
        answers = lake.terminology.validate("warm", ["red", "green", f"{COLOURS}|red", "urn:else|red"])[1]
        assert [each["valid"] for each in answers] == [True, False, True, False]


def test_icd10cm_is_known_with_its_point_and_without(tmp_path, put):
    """Both spellings of a code are valid; a chapter is no code, and neither is a code that does not exist."""
    icd = "http://hl7.org/fhir/sid/icd-10-cm"
    arguments = {"codeSystem": icd, "systemColumn": "code_system"}
    folder = coded_contracts(tmp_path / "contracts", arguments=arguments)
    with a360.open(tmp_path / "lake", contracts=folder) as lake:
        codes = ["L70.0", "L700", "L70", "12", "L60-L75", "Q99.99"]
        put(lake, patient(), *(condition(f"c{place}", code, icd) for place, code in enumerate(codes)))
        lake.run()
        first = lake.load_vocabulary("icd10cm")
        again = lake.load_vocabulary("icd10cm")
        assert [each.became for each in (*first, *again)] == ["loaded", "unchanged"]
        assert results(lake)["code_is_a_colour"]["failed"] == 3
        [shown] = lake.terminology.show("icd10cm", "L700")
        assert (shown["code"], shown["parent_display"]) == ("L70.0", "Acne")


def test_a_load_that_died_half_way_leaves_nothing_to_see(lake, folder, monkeypatch):
    """Rows without their version are looked at by nobody, and the next load puts them right."""
    colours(folder, "red", "green")
    monkeypatch.setenv(ENV, "terminology.rows=raise")
    with pytest.raises(FailpointError):
        lake.load_vocabulary("clinic")
    monkeypatch.delenv(ENV)
    assert lake.terminology.versions() == []
    [loaded] = lake.load_vocabulary("clinic")
    assert loaded.became == "loaded"
    assert lake.table("silver.concept").num_rows == 2


def test_a_code_that_stands_twice_is_refused_as_a_whole(lake, tmp_path):
    """A vocabulary whose rows break the rules of their table is not loaded, not even in part."""
    file = lines(tmp_path / "cpt.csv", ("00001", "Made up"), ("00001", "Made up again"), delimiter=",")
    with pytest.raises(DataError, match="primary_key"):
        lake.load_vocabulary("cpt", file, version="2027")
    assert lake.terminology.versions() == []
    assert lake.table("silver.concept").num_rows == 0


def test_faults_of_declared_vocabularies_are_told_by_the_linter(lake, folder):
    """A code twice, a parent that is none, and a CSV file that nobody names are faults."""
    from a360.lake import lint  # noqa: PLC0415 - slow to import

    concepts = [{"code": "red"}, {"code": "red"}, {"code": "pink", "parent": "rouge"}]
    colours(folder, concepts=concepts)
    (folder / "terminology" / "stray.csv").write_text("code\nx\n")
    found = [str(fault) for fault in lint(folder) if "terminology" in fault.file]
    assert len(found) == 3
    assert any("twice" in each for each in found)
    assert any("rouge" in each for each in found)
    assert any("C106" in each for each in found)


def test_a_rule_that_cannot_look_codes_up_is_a_fault(tmp_path, coded):
    """A column that is not there, both kinds of vocabulary at once, and unknown arguments are refused."""
    import shutil  # noqa: PLC0415 - of this test alone

    from a360.lake import lint  # noqa: PLC0415 - slow to import

    folder = shutil.copytree(coded, tmp_path / "contracts")
    for arguments in (
        {"codeSystem": "urn:x", "systemColumn": "colour"},
        {"codeSystem": "urn:x", "valueSet": "urn:y"},
        {"codeSystem": "urn:x", "version": "1"},
    ):

        def edit(contract, arguments=arguments):
            [code] = [each for each in contract["schema"][0]["properties"] if each["name"] == "code"]
            code["quality"][0]["arguments"] = arguments

        change(folder / "silver" / "condition.yaml", edit)
        assert "C601" in {fault.code for fault in lint(folder)}
