"""The glue profile refuses what AWS Glue's REST endpoint refuses, with proper errors."""

import pytest


@pytest.fixture
def glue(api, only_glue):
    return api


def test_transactions_over_several_tables_are_forbidden(glue, error_of):
    """A transaction is answered with 403 and changes nothing."""
    table = glue.table()
    part = {
        "identifier": {"namespace": [table.namespace], "name": "visit"},
        "requirements": [],
        "updates": [{"action": "set-properties", "updates": {"a": "1"}}],
    }
    answer = glue.post("/transactions/commit", {"table-changes": [part]})
    assert error_of(answer) == (403, "ForbiddenException")
    assert table.metadata == table.made


def test_creation_is_never_staged(glue, error_of):
    """A table cannot be staged, nor created by a commit."""
    namespace = glue.namespace()
    body = {**glue.create_body(namespace, "visit"), "stage-create": True}
    assert error_of(glue.post(f"/namespaces/{namespace}/tables", body)) == (400, "BadRequestException")
    commit = {
        "requirements": [{"type": "assert-create"}],
        "updates": [{"action": "assign-uuid", "uuid": "00000000-0000-0000-0000-000000000001"}],
    }
    answer = glue.post(f"/namespaces/{namespace}/tables/visit", commit)
    assert error_of(answer) == (400, "BadRequestException")


def test_creation_says_where(glue, error_of):
    """A table without a location is not created."""
    namespace = glue.namespace()
    body = glue.create_body(namespace, "visit", location=None)
    assert error_of(glue.post(f"/namespaces/{namespace}/tables", body)) == (400, "BadRequestException")


def test_tables_are_not_renamed(glue, error_of):
    """A rename is not supported and changes nothing."""
    table = glue.table()
    name = {"namespace": [table.namespace], "name": "visit"}
    answer = glue.post("/tables/rename", {"source": name, "destination": {**name, "name": "stay"}})
    assert error_of(answer) == (406, "UnsupportedOperationException")
    assert glue.head(table.path).status_code == 204


def test_tables_are_not_purged(glue, error_of):
    """A drop with purge is not supported; one without is."""
    table = glue.table()
    answer = glue.delete(table.path, params={"purgeRequested": "true"})
    assert error_of(answer) == (406, "UnsupportedOperationException")
    assert glue.delete(table.path, params={"purgeRequested": "false"}).status_code == 204


def test_tables_are_not_registered(glue, error_of):
    """Existing metadata is neither made a table nor is a table let go with its files."""
    table = glue.table()
    at = glue.get(table.path).json()["metadata-location"]
    answer = glue.post(f"/namespaces/{table.namespace}/register", {"name": "again", "metadata-location": at})
    assert error_of(answer) == (406, "UnsupportedOperationException")
    assert error_of(glue.post(f"{table.path}/unregister", {})) == (406, "UnsupportedOperationException")
    assert table.metadata == table.made


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/namespaces/{}/views", (406, "UnsupportedOperationException")),
        ("POST", "/namespaces/{}/views", (406, "UnsupportedOperationException")),
        ("POST", "/namespaces/{}/views/v", (406, "UnsupportedOperationException")),
        ("POST", "/namespaces/{}/register-view", (406, "UnsupportedOperationException")),
        ("POST", "/views/rename", (406, "UnsupportedOperationException")),
        ("DELETE", "/namespaces/{}/views/v", (406, "UnsupportedOperationException")),
        ("GET", "/namespaces/{}/views/v", (404, "NoSuchViewException")),
    ],
)
def test_there_are_no_views(glue, error_of, method, path, expected):
    """Looking for a view finds none, and none can be made."""
    options = {"json": {"name": "v"}} if method == "POST" else {}
    assert error_of(glue.call(method, path.format(glue.namespace()), **options)) == expected


def test_a_view_does_not_exist(glue):
    """HEAD on any view is answered with 404."""
    assert glue.head(f"/namespaces/{glue.namespace()}/views/v").status_code == 404


def test_idempotency_keys_are_not_promised(glue):
    """The configuration names no lifetime of keys, so that no client counts on one; a key is ignored."""
    assert "idempotency-key-lifetime" not in glue.config
    key = {"idempotency-key": "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"}
    for name in ("keyless_a", "keyless_b"):
        body = {"namespace": [name]}
        assert glue.call("POST", "/namespaces", json=body, headers=key).status_code == 200


def test_metadata_has_a_limit(glue, error_of):
    """Metadata of more than 20 MB is refused, and the table stays as it was."""
    table = glue.table()
    update = {"action": "set-properties", "updates": {"large": "x" * 20 * 1024 * 1024}}
    assert error_of(table.commit(update)) == (400, "BadRequestException")
    assert table.metadata == table.made


def test_paths_have_a_prefix(glue, only_embedded):
    """Clients are told a prefix, and paths without it are not found."""
    assert glue.root == "/v1/catalogs/embedded"
    assert glue.http.get("/v1/namespaces").status_code == 404
