"""The views against the plain reading of the same resources, value by value."""

import pytest
from content_inputs import resources_of, silver_of
from lake_content import datasets_of, view_rows

# What becomes of texts that are sealed is held by tests/refine/test_sealed_texts.py.
DATASETS = [name for name in datasets_of("a360.view") if name != "note"]
# Which record stands for another is known by what all of them say.
NOT_VIEWED = "replaced_by"


@pytest.mark.parametrize("dataset", DATASETS)
def test_views_give_what_a_plain_reading_gives(origin, dataset):
    """Every row and every value of a dataset is what the resources say, read one by one in plain Python."""
    found = view_rows(dataset, resources_of(origin))
    wanted = [
        {name: value for name, value in row.items() if name != NOT_VIEWED}
        for row in silver_of(origin)[dataset]
    ]
    assert _sorted(found) == _sorted(wanted)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"date": "2026-01-03T00:00:00Z"}, "2026-01-03"),
        ({}, "2026-01-02"),
        ({"content": [{"attachment": {}}]}, "2026-01-01"),
    ],
)
def test_a_document_has_the_time_that_it_tells(told, wanted):
    """What made a reference says when, else its content does (TXA-6), else what it documents (TXA-4)."""
    document = {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "content": [{"attachment": {"creation": "2026-01-02T00:00:00Z"}}],
        "context": {"period": {"start": "2026-01-01T00:00:00Z"}},
    } | told
    (row,) = view_rows("document_reference", [document])
    assert str(row["created_date"])[:10] == wanted


def _sorted(rows):
    """Rows in an order of their own, each value by its representation."""
    return sorted(tuple(sorted((name, repr(value)) for name, value in row.items())) for row in rows)
