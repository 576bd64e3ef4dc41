"""Random views over random resources: DuckDB against a slow, obvious reading of the specification."""

from hypothesis import HealthCheck, given, settings
from random_views import counted, worlds

from a360.fhir import evaluate


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_views_agree_with_the_specification(world):
    """Any view of the language gives exactly the rows that the specification's algorithm gives."""
    assert counted(evaluate(world.view, world.resources)) == counted(world.rows)
