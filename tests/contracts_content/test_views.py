"""The ViewDefinitions: they compile for every engine, fit their contracts, and leave free text behind."""

import json
import re

import pytest
from lake_content import CONTRACTS, HOUSEKEEPING, columns, custom, dataset_files, datasets_of, views_of

from a360.fhir import compile_view

VIEWS = {file.stem: file.read_text(encoding="utf-8") for file in sorted((CONTRACTS / "views").glob("*.json"))}
SILVER = datasets_of("a360.view")
NOT_IN_VIEWS = {"source", "is_current", "replaced_by", *HOUSEKEEPING}
FREE_TEXT = re.compile(
    r"\.(?:text|div|note|comment|description|data|photo|narrative|diagnostics|patientInstruction)\b"
    r"|\b(?:text|note|comment|description|photo|contact)\."
)


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("dialect", ["duckdb", "spark", "trino"])
def test_every_view_compiles(name, dialect):
    """Every view compiles for every engine, and no resource can stop it."""
    compiled = compile_view(VIEWS[name], dialect)
    assert compiled.may_stop == ()
    assert not any(column.collection for column in compiled.schema)


@pytest.mark.parametrize("name", SILVER)
def test_views_give_the_columns_of_their_contract(name):
    """Each view of a dataset gives its contract's columns, but for the source and the housekeeping."""
    told = {column["name"] for column in columns("silver", name) if custom(column, "a360.derived")}
    declared = {column["name"] for column in columns("silver", name)} - NOT_IN_VIEWS - told
    for view in views_of(name):
        assert {column.name for column in compile_view(view).schema} == declared


@pytest.mark.parametrize("name", VIEWS)
def test_no_view_reads_free_text(name):
    """Narratives, notes, comments, data, photographs and contacts are read into sealed columns alone."""
    sealed = {("note", "text")}
    for select in json.loads(VIEWS[name])["select"]:
        for column in select["column"]:
            assert (name, column["name"]) in sealed or not FREE_TEXT.search(column["path"]), column["name"]


@pytest.mark.parametrize("name", VIEWS)
def test_displays_of_references_are_not_read(name):
    """The display of a reference names people; only displays of codings are read."""
    for select in json.loads(VIEWS[name])["select"]:
        for column in select["column"]:
            for before in re.findall(r"([\w)']+(?:\([^()]*\))?)\.display\b", column["path"]):
                assert re.search(r"first\(\)$|ofType\(Coding\)$|^class$", before), (column["name"], before)


DIRECT = ("name", "telecom", "address", "identifier", "serialNumber", "distinctIdentifier")
CLEAR_PARTS = ("state", "country", "substring(0, 3)")


@pytest.mark.parametrize("name", ["patient", "device"])
def test_what_names_a_person_is_an_identifier(name):
    """Names, contacts, addresses, record and serial numbers of patients and devices are identifiers."""
    declared = {column["name"]: column for column in columns("silver", name)}
    for column in views_of(name)[0]["select"][0]["column"]:
        path = column["path"]
        begins = re.match(r"(?:iif\()?(\w+)", path).group(1)
        if begins in DIRECT and not path.endswith(CLEAR_PARTS):
            assert custom(declared[column["name"]], "a360.sensitivity") == "identifier", column["name"]


def test_patients_are_known_by_token_everywhere():
    """Every column that names a patient is an identifier of the patient's token domain."""
    for zone in ("silver", "gold"):
        for file in dataset_files(zone):
            for column in columns(zone, file.stem):
                if column["name"] == "patient_key":
                    assert custom(column, "a360.sensitivity") == "identifier"
                    assert custom(column, "a360.token") == "patient"


@pytest.mark.parametrize("name", SILVER)
def test_tokens_say_so_in_their_name(name):
    """Identifier columns are keys or end in `_token`, so that nobody takes a token for a value."""
    keys = {"patient_key", "resource_id", "other_key", "replaced_by"}
    for column in columns("silver", name):
        is_identifier = custom(column, "a360.sensitivity") == "identifier" and not custom(column, "a360.seal")
        assert is_identifier == (column["name"] in keys or column["name"].endswith("_token"))
