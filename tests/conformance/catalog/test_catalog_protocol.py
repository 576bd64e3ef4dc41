"""The protocol itself: configuration, authorisation, malformed requests."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import httpx
import pytest


def test_the_configuration_names_what_is_offered(api, only_embedded):
    """Clients learn the warehouse, the prefix and the operations from `/v1/config`; no address, no token."""
    config = api.http.get("/v1/config", params={"warehouse": "any"}).json()
    assert config["overrides"]["warehouse"] == api.endpoint.warehouse
    assert {"uri", "token"}.isdisjoint({**config["defaults"], **config["overrides"]})
    assert "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}" in config["endpoints"]
    offered = "POST /v1/{prefix}/transactions/commit" in config["endpoints"]
    assert offered == (api.profile == "full")


def test_every_request_needs_the_token(api, error_of):
    """Without the bearer token nothing is answered, not even the configuration."""
    paths = ("/v1/config", f"{api.root}/namespaces", "/nowhere")
    asked = list(product((None, "", "Bearer", "Bearer wrong", "Basic abc", "bearer \xe4"), paths))

    def ask(header, path):
        headers = {} if header is None else {"authorization": header.encode("latin-1")}
        return error_of(stranger.get(path, headers=headers))

    # Refusals are put off to slow down guessing: strangers that come at once wait at once.
    with (
        httpx.Client(base_url=api.endpoint.uri, trust_env=False) as stranger,
        ThreadPoolExecutor(len(asked)) as strangers,
    ):
        assert set(strangers.map(ask, *zip(*asked, strict=True))) == {(401, "NotAuthorizedException")}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/none"), ("PUT", "/namespaces"), ("POST", "/namespaces/a/b/c"), ("GET", "/v2")],
)
def test_a_path_nobody_knows_is_not_found(api, error_of, method, path):
    """Other paths and methods are answered with 404 and an error body."""
    assert error_of(api.call(method, path))[0] == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"a"', b"\xff", b'{"a": 1} {}'])
def test_a_body_that_is_no_object_is_refused(api, error_of, body):
    """What is not a JSON object is a bad request wherever a body is expected."""
    table = api.table()
    for path in ("/namespaces", f"/namespaces/{table.namespace}/tables", table.path):
        assert error_of(api.call("POST", path, content=body)) == (400, "BadRequestException")
