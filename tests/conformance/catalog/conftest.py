"""One suite over all faces of the catalog: bare, behind a gateway that proxies it, behind one as for Glue."""

import contextlib
import itertools
from dataclasses import replace

import httpx
import pytest

from a360.aws._glue import GlueUpstream
from a360.catalog import CatalogSession, serve_catalog
from a360.catalog.gateway import EmbeddedUpstream
from a360.catalog.server import GLUE, EmbeddedCatalog
from a360.contract import DeployedNames


@contextlib.contextmanager
def _open(face, profile, lake):
    if face == "catalog":
        with serve_catalog(lake, profile=profile) as endpoint:
            yield endpoint
    elif face == "deployed":
        account = "123456789012"
        embedded = EmbeddedCatalog(lake, replace(GLUE, prefix=f"catalogs/{account}"))
        names = DeployedNames("a360", "staging", account, "eu-west-1")
        upstream = GlueUpstream(EmbeddedUpstream(embedded), names)
        with CatalogSession(upstream, str(embedded.warehouse.folder)) as session:
            yield session.endpoint
    else:
        with (
            serve_catalog(lake, profile=profile) as bare,
            CatalogSession.open(
                lake, upstream_uri=bare.uri, upstream_token=bare.token, upstream_warehouse=bare.warehouse
            ) as session,
        ):
            yield session.endpoint


class Api:
    """The REST catalog as raw HTTP, below the prefix it names itself."""

    def __init__(self, endpoint, profile, names):
        self.endpoint, self.profile, self._names = endpoint, profile, names
        self.http = httpx.Client(
            base_url=endpoint.uri, headers={"authorization": f"Bearer {endpoint.token}"}, trust_env=False
        )
        self.config = self.http.get("/v1/config").raise_for_status().json()
        prefix = self.config["overrides"].get("prefix")
        self.root = f"/v1/{prefix}" if prefix else "/v1"

    def call(self, method, path, **options):
        return self.http.request(method, self.root + path, **options)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body):
        return self.call("POST", path, json=body)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def head(self, path):
        return self.call("HEAD", path)

    def namespace(self, **properties):
        name = f"space{next(self._names)}"
        self.post("/namespaces", {"namespace": [name], "properties": properties}).raise_for_status()
        return name

    def location(self, namespace, name):
        return f"{self.endpoint.warehouse}/{namespace}/{name}"

    def create_body(self, namespace, name, **parts):
        return {
            "name": name,
            "location": self.location(namespace, name),
            "schema": SCHEMA,
            "partition-spec": {"spec-id": 0, "fields": []},
            "write-order": {"order-id": 0, "fields": []},
            "properties": {},
            **parts,
        }

    def table(self, version=2, **parts):
        namespace = self.namespace()
        properties = {"format-version": str(version), **parts.pop("properties", {})}
        body = self.create_body(namespace, "visit", properties=properties, **parts)
        made = self.post(f"/namespaces/{namespace}/tables", body).raise_for_status()
        return Table(self, namespace, "visit", made.json()["metadata"])


class Table:
    """A table under test: its path, and commits to it."""

    def __init__(self, api, namespace, name, made):
        self.api, self.namespace, self.name, self.made = api, namespace, name, made
        self.path = f"/namespaces/{namespace}/tables/{name}"

    @property
    def metadata(self):
        return self.api.get(self.path).raise_for_status().json()["metadata"]

    def commit(self, *updates, requirements=()):
        return self.api.post(self.path, {"requirements": list(requirements), "updates": list(updates)})

    def committed(self, *updates, requirements=()):
        answer = self.commit(*updates, requirements=requirements)
        assert answer.status_code == 200, answer.text
        return answer.json()["metadata"]

    def append(self, snapshot_id, parent=None, *, requirements=(), **parts):
        return self.committed(
            {"action": "add-snapshot", "snapshot": self.snapshot(snapshot_id, parent, **parts)},
            {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": snapshot_id},
            requirements=requirements,
        )

    def snapshot(self, snapshot_id, parent=None, **parts):
        version = self.made["format-version"]
        snapshot = {
            "snapshot-id": snapshot_id,
            "timestamp-ms": 1_800_000_000_000 + snapshot_id,
            "manifest-list": f"{self.made['location']}/metadata/snap-{snapshot_id}.avro",
            "summary": {"operation": "append"},
            "schema-id": 0,
        }
        if parent is not None:
            snapshot["parent-snapshot-id"] = parent
        if version > 1:
            snapshot["sequence-number"] = snapshot_id
        if version > 2:
            snapshot |= {"first-row-id": (snapshot_id - 1) * 10, "added-rows": 10}
        return {**snapshot, **parts}


SCHEMA = {
    "type": "struct",
    "schema-id": 0,
    "identifier-field-ids": [10],
    "fields": [
        {"id": 10, "name": "id", "required": True, "type": "long"},
        {"id": 20, "name": "day", "required": False, "type": "date"},
        {"id": 30, "name": "note", "required": False, "type": "string", "doc": "words"},
    ],
}

_names = itertools.count()


# Each face is run under one profile at least, and the bare catalog under both.
COMBINATIONS = [
    ("catalog", "full"),
    ("proxy", "full"),
    ("catalog", "glue"),
    ("gateway", "glue"),
    ("deployed", "glue"),
]


def pytest_generate_tests(metafunc):
    """Run each test against every face, unless it is about what one profile alone does."""
    if "api" not in metafunc.fixturenames:
        return
    chosen = [
        (face, profile)
        for face, profile in COMBINATIONS
        if not {"only_full", "only_glue"} & set(metafunc.fixturenames) - {f"only_{profile}"}
        and not (face == "deployed" and "only_embedded" in metafunc.fixturenames)
    ]
    metafunc.parametrize(
        "api", chosen, ids=["-".join(each) for each in chosen], indirect=True, scope="module"
    )


@pytest.fixture(scope="module")
def api(request, tmp_path_factory):
    """One face of a catalog, reached over HTTP."""
    face, profile = request.param
    chosen = None if profile == "full" else profile
    with _open(face, chosen, tmp_path_factory.mktemp("lake")) as endpoint:
        opened = Api(endpoint, profile, _names)
        yield opened
        opened.http.close()


@pytest.fixture(params=[1, 2, 3], ids=["v1", "v2", "v3"])
def version(request):
    return request.param


@pytest.fixture
def table(api, version):
    return api.table(version)


@pytest.fixture
def only_embedded():
    """Marks a test of what Glue itself has not, or tells otherwise."""


@pytest.fixture
def only_full():
    """Marks a test of what the glue profile refuses."""


@pytest.fixture
def only_glue():
    """Marks a test of the glue profile's refusals."""


@pytest.fixture
def error_of():
    def read(answer):
        error = answer.json()["error"]
        assert error["code"] == answer.status_code
        assert error["message"]
        return answer.status_code, error["type"]

    return read
