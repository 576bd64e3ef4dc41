"""`docs/marts.md` against the contracts: it tells of every mart, and what it asks can be answered."""

import re
from pathlib import Path

import pytest
from content_inputs import GENERATED
from lake_content import contract, custom, dataset_files, lake_of, models

PAGE = (Path(__file__).resolve().parents[2] / "docs/marts.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```\n\n(\|.*?\|)\n\|", PAGE, flags=re.DOTALL)
RECORDS = {
    file.stem for file in dataset_files("silver") if custom(contract("silver", file.stem), "a360.source")
}


def read_by(mart):
    """The silver datasets that a model reads."""
    model = (Path(__file__).resolve().parents[2] / f"contracts/models/{mart}.sql").read_text(encoding="utf-8")
    return set(re.findall(r"silver\.(\w+)", model))


@pytest.mark.parametrize("mart", [mart for mart in models() if read_by(mart) & RECORDS - {"attachment"}])
def test_the_page_tells_of_every_mart(mart):
    """The page has every mart that is made of records, with how it is refreshed."""
    (line,) = re.findall(rf"^\| `gold\.{mart}` \|.*$", PAGE, flags=re.MULTILINE)
    assert line.split("|")[4].strip() == custom(contract("gold", mart), "a360.refresh")
    assert set(line.split("|")[3].strip().split(", ")) <= read_by(mart)


@pytest.mark.parametrize(("query", "header"), QUERIES, ids=range(len(QUERIES)))
def test_the_page_asks_what_can_be_answered(query, header):
    """Every query of the page runs, and gives the columns that its answer shows."""
    result = lake_of(GENERATED).execute(query)
    assert [entry[0] for entry in result.description] == [
        cell.strip() for cell in header.strip("|").split("|")
    ]


def test_the_page_has_queries():
    """The page shows answers, one after each query."""
    assert len(QUERIES) == PAGE.count("```sql") >= len(RECORDS) // 2
