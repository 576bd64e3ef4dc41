"""`docs/model.md` against the contracts: nothing is missing in it, and what it asks can be answered."""

import re
from pathlib import Path

import pytest
from content_inputs import GENERATED
from lake_content import columns, contract, custom, dataset_files, lake_of, models

PAGE = (Path(__file__).resolve().parents[2] / "docs/model.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```\n\n(\|.*?\|)\n\|", PAGE, flags=re.DOTALL)
DATASETS = [(zone, file.stem) for zone in ("silver", "gold") for file in dataset_files(zone)]


def table_row(zone, name):
    """The cells of a dataset's row in the page."""
    (line,) = re.findall(rf"^\| `{zone}\.{name}` \|.*$", PAGE, flags=re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("zone", "name"), DATASETS)
def test_the_page_tells_every_key(zone, name):
    """The page has every dataset with its key, as the contract declares it."""
    keyed = [column for column in columns(zone, name) if column.get("primaryKey")]
    in_order = sorted(keyed, key=lambda column: column["primaryKeyPosition"])
    assert table_row(zone, name)[2] == ", ".join(f"`{column['name']}`" for column in in_order)


@pytest.mark.parametrize("name", [name for zone, name in DATASETS if zone == "silver"])
def test_the_page_tells_every_reference(name):
    """The page has every reference of a silver dataset, and no other."""
    declared = {
        f"`{column['name']}` → {relationship['to'].split('.')[0]}"
        for column in columns("silver", name)
        for relationship in column.get("relationships", [])
    }
    told = table_row("silver", name)[3]
    assert (set() if told == "none" else set(told.split(", "))) == declared


@pytest.mark.parametrize("name", models())
def test_the_page_tells_how_gold_is_refreshed(name):
    """The page has the refresh of every gold dataset that a model makes."""
    assert table_row("gold", name)[3] == custom(contract("gold", name), "a360.refresh")


@pytest.mark.parametrize(("query", "header"), QUERIES, ids=range(len(QUERIES)))
def test_the_page_asks_what_can_be_answered(query, header):
    """Every query of the page runs, and gives the columns that its answer shows."""
    result = lake_of(GENERATED).execute(query)
    assert [entry[0] for entry in result.description] == [
        cell.strip() for cell in header.strip("|").split("|")
    ]


def test_the_page_has_queries():
    """The page shows answers, one after each query."""
    assert len(QUERIES) == PAGE.count("```sql")
