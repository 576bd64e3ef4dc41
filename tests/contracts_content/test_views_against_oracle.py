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


def _sorted(rows):
    """Rows in an order of their own, each value by its representation."""
    return sorted(tuple(sorted((name, repr(value)) for name, value in row.items())) for row in rows)
