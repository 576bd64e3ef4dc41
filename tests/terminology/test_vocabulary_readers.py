"""Vocabularies read from the layouts they come in; the files are made here and hold nothing licensed."""

import json

import pytest
from terms import lines, snomed_release

from a360.errors import DataError, OperatorError, UsageError
from a360.terminology import (
    read_cpt,
    read_fhir,
    read_icd10cm,
    read_loinc,
    read_rxnorm,
    read_snomed,
)


def by_code(vocabulary):
    """The rows of a code system by code."""
    return {row["code"]: row for row in vocabulary.rows.to_pylist()}


@pytest.fixture(scope="module")
def icd():
    """The release of ICD-10-CM that is installed."""
    return read_icd10cm()


def test_icd10cm_has_codes_with_and_without_point(icd):
    """A code stands as it is printed, with the spelling without its point, its parent and its chapter."""
    acne = by_code(icd)["L70.0"]
    assert (acne["display"], acne["parent_code"], acne["chapter_code"]) == ("Acne vulgaris", "L70", "12")
    assert (acne["alternate_code"], acne["is_billable"], acne["is_selectable"]) == ("L700", True, True)


def test_icd10cm_tells_what_a_record_may_use(icd):
    """Chapters and blocks are no codes of records; a category with parts is no code of claims."""
    rows = by_code(icd)
    assert not rows["12"]["is_selectable"]
    assert not rows["L60-L75"]["is_selectable"]
    assert (rows["L70"]["is_selectable"], rows["L70"]["is_billable"]) == (True, False)
    # A block of one category has its code: what bears it is the category.
    assert (rows["B20"]["level"], rows["B20"]["is_billable"], rows["B20"]["parent_code"]) == (
        "category",
        True,
        "1",
    )


def test_icd10cm_is_one_tree(icd):
    """No code stands twice, and every parent is a code of the release; only chapters have none."""
    rows = icd.rows.to_pylist()
    codes = {row["code"] for row in rows}
    assert len(codes) == len(rows) > 90_000
    assert {row["parent_code"] for row in rows} - codes == {None}
    assert sum(row["parent_code"] is None for row in rows) == 22
    assert icd.version.count("-") == 2


def test_snomed_takes_preferred_names_and_the_only_parent(tmp_path):
    """The name is the preferred one, else the full one less its tag; several parents are no parent."""
    found = read_snomed(snomed_release(tmp_path))
    rows = by_code(found)
    assert found.version == "20260301"
    assert rows["100002"]["display"] == "Skin inflammation"
    assert rows["100003"]["display"] == "Both at once"
    assert rows["100002"]["level"] == "disorder"
    assert [rows[code]["parent_code"] for code in ("100001", "100002", "100003")] == [None, "100001", None]
    assert (rows["100004"]["status"], rows["100004"]["display"]) == ("inactive", 'Retired "thing"')


def test_loinc_is_read_from_its_table(tmp_path):
    """Quoted fields, a name of several words, and the state of a code come over."""
    file = tmp_path / "Loinc.csv"
    file.write_text(
        '"LOINC_NUM","COMPONENT","PROPERTY","CLASS","STATUS","LONG_COMMON_NAME"\n'
        '"1-8","Made up, with comma","Mass","CHEM","ACTIVE","Made up [Mass] of ""nothing"""\n'
        '"2-6","Older","Mass","CHEM","DEPRECATED",""\n'
    )
    rows = by_code(read_loinc(tmp_path, "2.81"))
    assert rows["1-8"]["display"] == 'Made up [Mass] of "nothing"'
    assert (rows["2-6"]["display"], rows["2-6"]["status"]) == ("Older", "deprecated")
    with pytest.raises(UsageError, match="--release"):
        read_loinc(tmp_path)


def test_rxnorm_has_one_name_a_concept(tmp_path):
    """Other vocabularies' names and synonyms do not count; a suppressed concept is inactive."""

    def atom(rxcui, sab, tty, name, suppress="N"):
        return (
            rxcui,
            "ENG",
            "",
            "",
            "",
            "",
            "",
            f"a{name}",
            "",
            "",
            "",
            sab,
            tty,
            "c",
            name,
            "0",
            suppress,
            "",
            "",
        )

    file = lines(
        tmp_path / "RXNCONSO.RRF",
        atom("1", "RXNORM", "SY", "a synonym"),
        atom("1", "RXNORM", "IN", "ingredient"),
        atom("1", "SNOMEDCT_US", "FN", "another's name"),
        atom("2", "RXNORM", "SCD", "old thing", "O"),
        delimiter="|",
    )
    rows = by_code(read_rxnorm(file, "2026-11-02"))
    assert {code: (row["display"], row["level"], row["status"]) for code, row in rows.items()} == {
        "1": ("ingredient", "IN", "active"),
        "2": ("old thing", "SCD", "inactive"),
    }


@pytest.mark.parametrize(
    "text",
    [
        '00001,Made up\n00002,"Made up, too"\n',
        "00001\tMade up\n00002\tMade up, too\n",
        'code,text\n00001,Made up\n00002,"Made up, too"\n',
    ],
    ids=["comma", "tab", "header"],
)
def test_cpt_is_read_with_comma_or_tab_or_header(tmp_path, text):
    """Codes keep their leading zeros, and descriptors their commas."""
    file = tmp_path / "cpt.txt"
    file.write_text(text)
    rows = by_code(read_cpt(file, "2027"))
    assert {code: row["display"] for code, row in rows.items()} == {
        "00001": "Made up",
        "00002": "Made up, too",
    }


def test_fhir_resources_become_vocabularies(tmp_path):
    """A hierarchy gives parents; a value set draws on the code system beside it; a map keeps what maps."""
    system = {
        "resourceType": "CodeSystem",
        "url": "urn:animals",
        "version": "3",
        "name": "Animals",
        "status": "active",
        "content": "complete",
        "concept": [
            {
                "code": "mammal",
                "property": [{"code": "notSelectable", "valueBoolean": True}],
                "concept": [{"code": "cat", "display": "Cat"}, {"code": "dog"}],
            },
            {"code": "bird", "property": [{"code": "inactive", "valueBoolean": True}]},
        ],
    }
    value_set = {
        "resourceType": "ValueSet",
        "url": "urn:pets",
        "version": "1",
        "compose": {
            "include": [
                {
                    "system": "urn:animals",
                    "filter": [{"property": "concept", "op": "is-a", "value": "mammal"}],
                },
                {"system": "urn:other", "concept": [{"code": "fish", "display": "Fish"}]},
            ]
        },
    }
    mapping = {
        "resourceType": "ConceptMap",
        "url": "urn:map",
        "version": "1",
        "group": [
            {
                "source": "urn:animals",
                "target": "urn:other",
                "element": [
                    {"code": "cat", "target": [{"code": "felis", "equivalence": "wider"}]},
                    {"code": "dog", "target": [{"equivalence": "unmatched"}]},
                ],
            }
        ],
    }
    file = tmp_path / "all.json"
    entries = [{"resource": each} for each in (value_set, system, mapping)]
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    found = {each.uri: each for each in read_fhir(file)}
    animals = by_code(found["urn:animals"])
    assert animals["cat"]["parent_code"] == "mammal"
    assert not animals["mammal"]["is_selectable"]
    assert animals["bird"]["status"] == "inactive"
    assert sorted(row["code"] for row in found["urn:pets"].rows.to_pylist()) == ["cat", "dog", "fish"]
    [row] = found["urn:map"].rows.to_pylist()
    assert (row["source_code"], row["target_code"], row["relationship"]) == (
        "cat",
        "felis",
        "source-is-narrower-than-target",
    )


def test_a_value_set_that_would_have_to_be_guessed_is_refused(tmp_path):
    """What draws on a code system that is not known is no empty value set."""
    file = tmp_path / "set.json"
    value_set = {"resourceType": "ValueSet", "url": "urn:s", "compose": {"include": [{"system": "urn:x"}]}}
    file.write_text(json.dumps(value_set))
    with pytest.raises(DataError, match="urn:x"):
        read_fhir(file)


@pytest.mark.parametrize("reader", [read_snomed, read_loinc, read_rxnorm, read_cpt])
def test_what_is_not_there_is_the_operators_to_name(tmp_path, reader):
    """A folder or file that does not exist is told as such, whichever kind it was named as."""
    with pytest.raises(OperatorError) as caught:
        reader(tmp_path / "nothing", "1")
    assert caught.value.code.slug == "input-missing"


def test_another_layout_is_told_without_its_text(tmp_path):
    """A file of other columns is refused; no line of it is repeated."""
    file = tmp_path / "Loinc.csv"
    file.write_text("A,B\nsecret text,1\n")
    with pytest.raises(DataError) as caught:
        read_loinc(file, "1")
    assert caught.value.code.slug == "vocabulary-unreadable"
    assert "secret" not in str(caught.value)
