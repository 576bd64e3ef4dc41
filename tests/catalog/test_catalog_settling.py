"""The gateway settles every outcome: whatever is lost, late or refused, its answer is the truth for good."""

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.catalog._wire import Reply, Request, decode_object, encode
from a360.catalog.gateway import EmbeddedUpstream, Gateway, Policy, UpstreamLostError
from a360.catalog.server import FULL, EmbeddedCatalog

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": "long"}]}
WIDER = {**SCHEMA, "fields": [*SCHEMA["fields"], {"id": 2, "name": "b", "required": False, "type": "string"}]}
PATIENCE = Policy(settle=20, read=0.3, upstream=1, first_wait=0.0001, longest_wait=0.001)
MINE, RIVAL = 77, 88
_names = itertools.count()


class Unreliable:
    """A catalog whose answers to changes follow a script; once that is over it is reliable."""

    def __init__(self, catalog, script):
        self._catalog, self._script = EmbeddedUpstream(catalog), list(script)
        self.files = catalog.files
        self._late = []

    def send(self, request):
        """Answer a request, or not."""
        if request.method == "GET":
            return self._catalog.send(request)
        fault = self._script.pop(0) if self._script else "none"
        if fault == "late":
            self._late.append(request)
            raise UpstreamLostError(fault)
        if fault == "arrives":
            self.deliver()
        if fault == "rival":
            self.rival(request)
        if fault in {"lost-before", "500-before"}:
            reply = None
        elif fault == "busy":
            return Reply.of({"error": {"message": "busy", "type": "CommitFailedException", "code": 409}}, 409)
        else:
            reply = self._catalog.send(request)
        if fault.startswith("lost"):
            raise UpstreamLostError(fault)
        return Reply(500) if reply is None or fault == "500-after" else reply

    def bringing(self, updates):
        """The files of a commit, as the catalog sees to them."""
        return self._catalog.bringing(updates)

    def deliver(self):
        """Let what was under way arrive."""
        late, self._late = self._late, []
        for request in late:
            self._catalog.send(request)

    def rival(self, request):
        """Let another writer commit first."""
        path = request.path if request.path.endswith("/visit") else f"{request.path}/visit"
        reply = self._catalog.send(Request("GET", path))
        if not reply.ok:
            return
        found = decode_object(reply.body)["metadata"]
        parent, number = found.get("current-snapshot-id"), len(found["snapshots"]) + 1
        self._catalog.send(commit(path, appended(RIVAL + number, parent, number)))

    def close(self):
        """Nothing of its own."""


def appended(snapshot_id, parent, number):
    snapshot = {
        "snapshot-id": snapshot_id,
        "sequence-number": number,
        "timestamp-ms": 1_800_000_000_000,
        "manifest-list": "m",
        "summary": {"operation": "append"},
        **({} if parent is None else {"parent-snapshot-id": parent}),
    }
    return {
        "requirements": [{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": parent}],
        "updates": [
            {"action": "add-snapshot", "snapshot": snapshot},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot_id},
        ],
    }


def commit(path, body):
    return Request("POST", path, body=encode(body))


def creation(proposed):
    return {
        "requirements": [{"type": "assert-create"}],
        "updates": [
            {"action": "assign-uuid", "uuid": proposed["table-uuid"]},
            {"action": "add-schema", "schema": proposed["schemas"][0]},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "add-spec", "spec": proposed["partition-specs"][0]},
            {"action": "set-default-spec", "spec-id": -1},
            {"action": "set-location", "location": proposed["location"]},
        ],
    }


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """The embedded catalog, without sockets."""
    opened = EmbeddedCatalog(tmp_path_factory.mktemp("lake"), FULL)
    yield opened
    opened.close()


@pytest.fixture
def space(catalog):
    """Makes a namespace, with a table `visit` in it where that is wanted; gives the paths of both."""

    def make(*, table=True):
        name = f"space{next(_names)}"
        catalog.handle(Request("POST", "/v1/namespaces", body=encode({"namespace": [name]})))
        tables = f"/v1/namespaces/{name}/tables"
        if table:
            body = encode({"name": "visit", "schema": SCHEMA})
            assert catalog.handle(Request("POST", tables, body=body)).ok
        return tables, f"{tables}/visit"

    return make


def read(catalog, path):
    reply = catalog.handle(Request("GET", path))
    return decode_object(reply.body)["metadata"] if reply.ok else None


FAULTS = st.sampled_from(
    ["none", "lost-before", "lost-after", "500-before", "500-after", "late", "arrives", "rival", "busy"]
)
SCRIPTS = st.lists(FAULTS, max_size=7)
MANY = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@MANY
@given(script=SCRIPTS)
def test_an_answer_to_an_append_is_true_for_good(catalog, space, script):
    """Success means the rows are there once; a conflict means they are not, and never will be."""
    _, path = space()
    upstream = Unreliable(catalog, script)
    reply = Gateway(upstream, PATIENCE).handle(commit(path, appended(MINE, None, 1)))
    assert reply.status in {200, 409}
    upstream.deliver()
    found = [each["snapshot-id"] for each in read(catalog, path)["snapshots"]]
    assert found.count(MINE) == (1 if reply.ok else 0)


@MANY
@given(script=SCRIPTS)
def test_an_answer_to_a_transaction_is_true_for_good(catalog, space, script):
    """Success means all tables changed; a conflict means none did, and none ever will."""
    tables, path = space()
    assert catalog.handle(Request("POST", tables, body=encode({"name": "other", "schema": SCHEMA}))).ok
    namespace = tables.split("/")[3]
    changes = [
        {"identifier": {"namespace": [namespace], "name": name}, **appended(MINE, None, 1)}
        for name in ("visit", "other")
    ]
    upstream = Unreliable(catalog, script)
    body = encode({"table-changes": changes})
    reply = Gateway(upstream, PATIENCE).handle(Request("POST", "/v1/transactions/commit", body=body))
    assert reply.status in {204, 409}
    upstream.deliver()
    found = [
        [each["snapshot-id"] for each in read(catalog, at)["snapshots"]] for at in (path, f"{tables}/other")
    ]
    assert [each.count(MINE) for each in found] == ([1, 1] if reply.ok else [0, 0])


@MANY
@given(script=SCRIPTS)
def test_an_answer_to_a_staged_creation_is_true_for_good(catalog, space, script):
    """Success means the table is the writer's; a conflict means it is another's."""
    tables, path = space(table=False)
    upstream = Unreliable(catalog, script)
    gateway = Gateway(upstream, PATIENCE)
    staged = gateway.handle(
        Request("POST", tables, body=encode({"name": "visit", "schema": SCHEMA, "stage-create": True}))
    )
    proposed = decode_object(staged.body).get("metadata")
    if proposed is None:
        return
    reply = gateway.handle(commit(path, creation(proposed)))
    upstream.deliver()
    found = read(catalog, path)
    assert reply.ok == (found is not None and found["table-uuid"] == proposed["table-uuid"])


@MANY
@given(script=SCRIPTS)
def test_an_answer_to_a_creation_is_true_for_good(catalog, space, script):
    """A creation is answered with the table that is there, or with a conflict."""
    tables, path = space(table=False)
    body = encode({"name": "visit", "schema": SCHEMA, "properties": {"owner": "clinic"}})
    upstream = Unreliable(catalog, script)
    reply = Gateway(upstream, PATIENCE).handle(Request("POST", tables, body=body))
    upstream.deliver()
    found = read(catalog, path)
    assert found == (decode_object(reply.body)["metadata"] if reply.ok else None)


@MANY
@given(script=SCRIPTS)
def test_a_change_without_snapshot_is_settled_by_its_effect(catalog, space, script):
    """A change of schema or properties that was answered with success has its effect."""
    _, path = space()
    body = {
        "requirements": [{"type": "assert-current-schema-id", "current-schema-id": 0}],
        "updates": [
            {"action": "add-schema", "schema": WIDER},
            {"action": "set-current-schema", "schema-id": -1},
            {"action": "set-properties", "updates": {"a": "1"}},
        ],
    }
    upstream = Unreliable(catalog, script)
    reply = Gateway(upstream, PATIENCE).handle(commit(path, body))
    upstream.deliver()
    found = read(catalog, path)
    assert (found["current-schema-id"], found["properties"].get("a")) == ((1, "1") if reply.ok else (0, None))


@MANY
@given(script=SCRIPTS.filter(lambda script: "busy" not in script))
def test_other_changes_are_made_once(catalog, space, script):
    """Dropping, renaming and creating namespaces succeed through every loss."""
    tables, path = space()
    name = tables.split("/")[3]
    gateway = Gateway(Unreliable(catalog, script), PATIENCE)
    source = {"namespace": [name], "name": "visit"}
    body = encode({"source": source, "destination": {**source, "name": "stay"}})
    assert gateway.handle(Request("POST", "/v1/tables/rename", body=body)).status == 204
    assert read(catalog, path) is None
    assert gateway.handle(Request("DELETE", f"{tables}/stay")).status == 204
    assert gateway.handle(Request("DELETE", f"/v1/namespaces/{name}")).status == 204
    made = gateway.handle(Request("POST", "/v1/namespaces", body=encode({"namespace": [name]})))
    assert decode_object(made.body) == {"namespace": [name], "properties": {}}


def test_a_commit_sent_again_counts_once(catalog, space):
    """A writer that did not hear of its success and sends the commit again hears of it then."""
    _, path = space()
    first = Gateway(EmbeddedUpstream(catalog)).handle(commit(path, appended(MINE, None, 1)))
    landed = read(catalog, path)
    for gateway in (Gateway(EmbeddedUpstream(catalog)), Gateway(EmbeddedUpstream(catalog))):
        again = gateway.handle(commit(path, appended(MINE, None, 1)))
        assert (again.status, decode_object(again.body)["metadata"]) == (200, landed)
    assert decode_object(first.body)["metadata"] == read(catalog, path) == landed


def test_a_refusal_is_passed_on_at_once(catalog, space):
    """What the catalog refuses at the first try reaches the writer as it was said."""
    _, path = space()
    gateway = Gateway(EmbeddedUpstream(catalog), PATIENCE)
    reply = gateway.handle(commit(path, {"requirements": [], "updates": [{"action": "wish"}]}))
    assert reply.status == 400
    assert gateway.handle(commit(f"{path}2", appended(MINE, None, 1))).status == 404


def test_a_read_that_keeps_failing_is_answered_with_the_failure(catalog, space):
    """A table whose metadata file has vanished is the catalog's error, passed on as such."""
    _, path = space()
    reply = catalog.handle(Request("GET", path))
    place = Path(decode_object(reply.body)["metadata-location"])
    place.unlink()
    catalog.warehouse.discard(str(place))
    answer = Gateway(EmbeddedUpstream(catalog), PATIENCE).handle(Request("GET", path))
    assert (answer.status, decode_object(answer.body)["error"]["type"]) == (422, "FileDamagedException")


def test_a_stopped_gateway_says_that_it_does_not_know(catalog, space):
    """A gateway that is told to stop answers at once that the outcome is unknown."""
    _, path = space()
    gateway = Gateway(Unreliable(catalog, ["lost-before"] * 1000), Policy(settle=60, read=0.1, first_wait=1))
    gateway.stop()
    reply = gateway.handle(commit(path, appended(MINE, None, 1)))
    assert (reply.status, decode_object(reply.body)["error"]["type"]) == (504, "CommitStateUnknownException")
