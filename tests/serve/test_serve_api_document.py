"""The OpenAPI document, and requests made from it at random."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from a360.serve._app import make_api

ROUTES = ["/v1/emergencies", "/v1/openapi.json", "/v1/queries/{id}", "/v1/query", "/v1/session", "/v1/tables"]
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def test_the_document_names_every_route_and_how_to_be_known(house):
    """Every route is in the document, says which credentials it takes, and that refusals are problems."""
    paths = house.ask("GET", "/v1/openapi.json", house.api_token()).json()["paths"]
    assert sorted(paths) == ROUTES
    for methods in paths.values():
        for told in methods.values():
            assert told["security"] == [{"HTTPBearer": []}, {"HTTPBasic": []}]
            assert set(told["responses"]["4XX"]["content"]) == {"application/problem+json"}


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("mode", GenerationMode)
def test_requests_at_random_are_answered_as_the_document_says(house, path, mode):
    """Whatever is sent, fit or not, the answer is one of those in the document, and no fault of ours."""
    schema = schemathesis.openapi.from_dict(make_api(lambda: house.served).openapi())
    schema.app = house.app
    headers = {"Authorization": f"Bearer {house.api_token()}"}

    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case):
        house.clock.now += 10
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    for method in schema[path]:
        given(schema[path][method].as_strategy(generation_mode=mode))(send)()
