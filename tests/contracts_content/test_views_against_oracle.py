"""The views against the plain reading of the same resources, value by value."""

import pytest
from lake_content import dataset_files, view_rows
from silver_oracle import silver

DATASETS = [file.stem for file in dataset_files("silver")]


@pytest.fixture(scope="module")
def expected(resources):
    """What a plain reading of the input gives, by dataset."""
    return silver(resources)


@pytest.mark.parametrize("dataset", DATASETS)
def test_views_give_what_a_plain_reading_gives(resources, expected, dataset):
    """Every row and every value of a dataset is what the resources say, read one by one in plain Python."""
    assert _sorted(view_rows(dataset, resources)) == _sorted(expected[dataset])


def _sorted(rows):
    """Rows in an order of their own, each value by its representation."""
    return sorted(tuple(sorted((name, repr(value)) for name, value in row.items())) for row in rows)
