"""A request with an `Idempotency-Key` has its effect once, and one answer however often it is sent."""

import threading
import uuid

import pytest


@pytest.fixture
def keyed(api, only_full):
    """Sends a request under a key, a new one unless it is named."""

    def send(method, path, body=None, key=None):
        headers = {"idempotency-key": key or str(uuid.uuid4())}
        return api.call(method, path, json=body, headers=headers)

    return send


@pytest.fixture
def key():
    """A key of the form that the specification asks for."""
    return str(uuid.uuid4())


def same(first, second):
    return (first.status_code, first.content) == (second.status_code, second.content)


def test_the_lifetime_of_keys_is_announced(api, only_full):
    """The configuration says how long a key may be sent again."""
    assert api.config["idempotency-key-lifetime"] == "PT30M"


def test_a_repeated_creation_is_answered_alike(api, keyed, key):
    """A table is created once; the second answer is the first, and not a conflict."""
    namespace = api.namespace()
    path, body = f"/namespaces/{namespace}/tables", api.create_body(namespace, "visit")
    first, second = keyed("POST", path, body, key), keyed("POST", path, body, key)
    assert first.status_code == 200
    assert same(first, second)
    assert keyed("POST", path, body).status_code == 409


def test_a_repeated_commit_has_its_effect_once(api, keyed, key):
    """A commit that landed is answered as landed, where it would be a conflict without the key."""
    table = api.table(3)
    body = {
        "requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None}],
        "updates": [
            {"action": "add-snapshot", "snapshot": table.snapshot(1)},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
        ],
    }
    first, second = keyed("POST", table.path, body, key), keyed("POST", table.path, body, key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json()["metadata"]["snapshots"] == second.json()["metadata"]["snapshots"]
    assert len(table.metadata["snapshots"]) == 1
    assert table.metadata["next-row-id"] == 10


def test_a_final_refusal_stays_final(api, keyed, key, error_of):
    """What was refused for good is refused again, even where it would pass by now."""
    namespace = api.namespace()
    path, body = f"/namespaces/{namespace}", None
    api.post(f"{path}/tables", api.create_body(namespace, "visit")).raise_for_status()
    first = keyed("DELETE", path, body, key)
    assert error_of(first) == (409, "NamespaceNotEmptyException")
    api.delete(f"{path}/tables/visit").raise_for_status()
    assert same(first, keyed("DELETE", path, body, key))
    assert api.head(path).status_code == 204
    assert keyed("DELETE", path).status_code == 204


def test_a_failed_commit_is_not_tried_again(api, keyed, key, error_of):
    """A conflict under a key stays the answer to that key; another key may pass."""
    table = api.table()
    body = {
        "requirements": [{"type": "assert-current-schema-id", "current-schema-id": 9}],
        "updates": [{"action": "set-properties", "updates": {"a": "1"}}],
    }
    first = keyed("POST", table.path, body, key)
    assert error_of(first) == (409, "CommitFailedException")
    assert same(first, keyed("POST", table.path, body, key))
    assert keyed("POST", table.path, {**body, "requirements": []}).status_code == 200


@pytest.mark.parametrize("change", ["body", "path", "method"])
def test_a_key_is_for_one_request(api, keyed, key, error_of, change):
    """A key that comes with another request is refused, and nothing is done."""
    table = api.table()
    body = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "1"}}]}
    keyed("POST", table.path, body, key).raise_for_status()
    other = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "2"}}]}
    answer = {
        "body": lambda: keyed("POST", table.path, other, key),
        "path": lambda: keyed("POST", api.table().path, body, key),
        "method": lambda: keyed("DELETE", table.path, body, key),
    }[change]()
    assert error_of(answer) == (422, "UnprocessableEntityException")
    assert table.metadata["properties"]["a"] == "1"


def test_the_same_request_may_be_written_otherwise(api, keyed, key):
    """The order of a body's keys and the case of the key's letters do not make another request."""
    namespace = api.namespace()
    body = {"namespace": [f"{namespace}x"], "properties": {"a": "1", "b": "2"}}
    turned = {"properties": {"b": "2", "a": "1"}, "namespace": [f"{namespace}x"]}
    assert keyed("POST", "/namespaces", body, key).status_code == 200
    assert keyed("POST", "/namespaces", turned, key.upper()).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "x", "1" * 36, "017f22e2-79b0-7cc3-98c4", "{017f22e2-79b0-7cc3-98c4-dc0c0c0739}"]
)
def test_a_key_that_is_none_is_refused(api, keyed, error_of, text):
    """Keys are UUIDs; anything else is a bad request, and nothing is done."""
    headers = {"idempotency-key": text}
    answer = api.call("POST", "/namespaces", json={"namespace": ["never"]}, headers=headers)
    assert error_of(answer) == (400, "BadRequestException")
    assert api.head("/namespaces/never").status_code == 404


def test_every_change_heeds_its_key(api, keyed):
    """Each operation that changes something is answered alike when it comes twice, with one effect."""
    space = api.namespace()
    tables, views = f"/namespaces/{space}/tables", f"/namespaces/{space}/views"
    table = api.table()
    at = f"/namespaces/{table.namespace}"
    name = {"namespace": [table.namespace], "name": "visit"}
    moved = {**name, "name": "moved"}
    view = {
        "name": "v",
        "schema": {"type": "struct", "fields": [{"id": 1, "name": "a", "type": "long", "required": False}]},
        "view-version": {
            "version-id": 1,
            "timestamp-ms": 1,
            "schema-id": 0,
            "summary": {},
            "representations": [{"type": "sql", "sql": "SELECT 1", "dialect": "duckdb"}],
            "default-namespace": [space],
        },
        "properties": {},
    }
    part = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"t": "1"}}]}
    here, there = {"namespace": [space], "name": "v"}, {"namespace": [space], "name": "w"}
    steps = [
        ("POST", "/namespaces", {"namespace": [f"{space}_made"]}),
        ("POST", f"/namespaces/{space}/properties", {"updates": {"a": "1"}, "removals": ["b"]}),
        ("POST", tables, api.create_body(space, "made")),
        ("POST", table.path, part),
        ("POST", "/transactions/commit", {"table-changes": [{**part, "identifier": name}]}),
        ("POST", "/tables/rename", {"source": name, "destination": moved}),
        ("POST", f"{at}/tables/moved/unregister", {}),
        ("POST", views, view),
        ("POST", f"{views}/v", {"updates": [{"action": "set-properties", "updates": {"p": "1"}}]}),
        ("POST", "/views/rename", {"source": here, "destination": there}),
        ("DELETE", f"{views}/w", None),
        ("DELETE", f"{tables}/made", None),
        ("DELETE", f"/namespaces/{space}_made", None),
    ]
    for method, path, body in steps:
        key = str(uuid.uuid4())
        first = keyed(method, path, body, key)
        assert first.is_success, (path, first.text)
        assert same(first, keyed(method, path, body, key)), path


def test_large_answers_come_from_the_table(api, keyed, key):
    """An answer too large to keep is given anew from the table as it is by then."""
    table = api.table()
    body = {"requirements": [], "updates": [{"action": "set-properties", "updates": {"a": "x" * 100_000}}]}
    keyed("POST", table.path, body, key).raise_for_status()
    table.append(1)
    again = keyed("POST", table.path, body, key).raise_for_status().json()["metadata"]
    assert again == table.metadata


def test_a_key_sent_by_many_at_once_counts_once(api, keyed, key):
    """Retries that overlap wait for the first, and all hear the same."""
    table = api.table()
    body = {
        "requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None}],
        "updates": [
            {"action": "add-snapshot", "snapshot": table.snapshot(1)},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 1},
        ],
    }
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(keyed("POST", table.path, body, key)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["metadata-location"] for answer in answers}) == 1


def test_without_a_key_nothing_is_remembered(api, error_of):
    """A request without a key is carried out each time."""
    name = api.namespace()
    assert error_of(api.post("/namespaces", {"namespace": [name]})) == (409, "AlreadyExistsException")
