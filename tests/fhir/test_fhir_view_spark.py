"""Spark as a peer: random views over random resources against the specification, and files of resources."""

import pytest
from hypothesis import HealthCheck, given, settings
from random_views import counted, worlds

from a360.fhir import evaluate

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark_installed")]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_views_agree_with_the_specification_on_spark(world):
    """Any view of the language gives on Spark exactly the rows that the specification's algorithm gives."""
    assert counted(evaluate(world.view, world.resources, "spark")) == counted(world.rows)
