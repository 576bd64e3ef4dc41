"""Views come, are read, change, move and go, as the Iceberg REST specification words it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from a360.catalog.metadata import VIEW_REQUIREMENT, VIEW_UPDATE_ACTIONS

TRIED_HERE = {
    "assign-uuid",
    "upgrade-format-version",
    "add-schema",
    "set-location",
    "set-properties",
    "remove-properties",
    "add-view-version",
    "set-current-view-version",
}
SCHEMA = {
    "type": "struct",
    "schema-id": 0,
    "fields": [{"id": 1, "name": "visits", "required": False, "type": "long"}],
}


def version(*queries, number=1, schema_id=0, **parts):
    return {
        "version-id": number,
        "timestamp-ms": 1_800_000_000_000 + number,
        "schema-id": schema_id,
        "summary": {"engine-name": "spark"},
        "representations": [{"type": "sql", "sql": sql, "dialect": dialect} for dialect, sql in queries],
        "default-namespace": ["gold"],
        **parts,
    }


class View:
    """A view under test."""

    def __init__(self, api, namespace, made):
        self.api, self.namespace, self.made = api, namespace, made
        self.path = f"/namespaces/{namespace}/views/busy"

    @property
    def loaded(self):
        return self.api.get(self.path).raise_for_status().json()

    def commit(self, *updates, requirements=()):
        return self.api.post(self.path, {"requirements": list(requirements), "updates": list(updates)})

    def committed(self, *updates, requirements=()):
        answer = self.commit(*updates, requirements=requirements)
        assert answer.status_code == 200, answer.text
        return answer.json()["metadata"]

    def replaced(self, *queries, number=1):
        return self.committed(
            {"action": "add-view-version", "view-version": version(*queries, number=number)},
            {"action": "set-current-view-version", "view-version-id": -1},
        )


def body(name="busy", **parts):
    queries = [("duckdb", "SELECT count(*) AS visits FROM gold.visit"), ("spark", "SELECT 1 AS visits")]
    return {
        "name": name,
        "schema": SCHEMA,
        "view-version": version(*queries),
        "properties": {"comment": "c"},
        **parts,
    }


@pytest.fixture
def view(api, only_full):
    namespace = api.namespace()
    made = api.post(f"/namespaces/{namespace}/views", body()).raise_for_status().json()
    return View(api, namespace, made)


def test_every_update_of_views_is_tried_here():
    """This suite covers all updates and the requirement that views know."""
    assert TRIED_HERE == VIEW_UPDATE_ACTIONS
    assert VIEW_REQUIREMENT == "assert-view-uuid"


def test_a_created_view_is_listed_loaded_and_exists(api, view):
    """A view is there, with its queries in every dialect, once it was created."""
    assert view.loaded == view.made
    metadata = view.made["metadata"]
    assert {each["dialect"] for each in metadata["versions"][0]["representations"]} == {"duckdb", "spark"}
    assert metadata["current-version-id"] == metadata["versions"][0]["version-id"] == 1
    assert metadata["version-log"] == [{"version-id": 1, "timestamp-ms": 1_800_000_000_001}]
    assert (metadata["format-version"], metadata["properties"]) == (1, {"comment": "c"})
    assert Path(view.made["metadata-location"]).is_file()
    assert (api.head(view.path).status_code, api.head(view.path).content) == (204, b"")
    listed = api.get(f"/namespaces/{view.namespace}/views").json()["identifiers"]
    assert listed == [{"namespace": [view.namespace], "name": "busy"}]


def test_a_view_is_no_table(api, view, error_of):
    """Lists and paths of tables do not know views."""
    assert api.get(f"/namespaces/{view.namespace}/tables").json()["identifiers"] == []
    path = f"/namespaces/{view.namespace}/tables/busy"
    for method in ("GET", "DELETE"):
        assert error_of(api.call(method, path)) == (404, "NoSuchTableException")


def test_tables_and_views_share_their_names(api, view, error_of):
    """A name that a view bears is free for no table, and the other way round; each message says which."""
    tables, views = f"/namespaces/{view.namespace}/tables", f"/namespaces/{view.namespace}/views"
    answer = api.post(tables, api.create_body(view.namespace, "busy"))
    assert error_of(answer) == (409, "AlreadyExistsException")
    assert answer.json()["error"]["message"].startswith("View with same name already exists")
    api.post(tables, api.create_body(view.namespace, "visit")).raise_for_status()
    answer = api.post(views, body("visit"))
    assert error_of(answer) == (409, "AlreadyExistsException")
    assert answer.json()["error"]["message"].startswith("Table with same name already exists")
    assert error_of(api.post(views, body())) == (409, "AlreadyExistsException")


def test_a_namespace_with_a_view_is_not_dropped(api, view, error_of):
    """A namespace that holds a view stays."""
    answer = api.delete(f"/namespaces/{view.namespace}")
    assert error_of(answer) == (409, "NamespaceNotEmptyException")


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("name", ""),
        ("schema", None),
        ("schema", {"type": "struct", "fields": [{"id": 1, "name": "a", "type": "varchar"}]}),
        ("view-version", None),
        ("view-version", {}),
        ("view-version", version()),
        ("view-version", version(("duckdb", " "))),
        ("view-version", version(("duckdb", "SELECT 1"), ("DuckDB", "SELECT 2"))),
        ("view-version", version(("duckdb", "SELECT 1"), **{"default-namespace": []})),
        ("view-version", version(representations=[{"type": "graph", "sql": "x", "dialect": "y"}])),
        ("location", "/etc/view"),
    ],
)
def test_a_creation_that_makes_no_sense_is_refused(api, only_full, error_of, part, value):
    """What is missing, doubled or no SQL is a bad request, and leaves no view."""
    namespace = api.namespace()
    answer = api.post(f"/namespaces/{namespace}/views", {**body(), part: value})
    assert error_of(answer)[0] == 400
    assert api.get(f"/namespaces/{namespace}/views").json()["identifiers"] == []


def test_a_view_needs_its_namespace(api, only_full, error_of):
    """A view cannot be created in a namespace that is not there, nor listed from it."""
    assert error_of(api.post("/namespaces/nowhere/views", body())) == (404, "NoSuchNamespaceException")
    assert error_of(api.get("/namespaces/nowhere/views")) == (404, "NoSuchNamespaceException")


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_missing_view_is_not_found(api, only_full, error_of, method):
    """Loading, dropping or replacing a view that is not there is answered with 404."""
    options = {"json": {"updates": []}} if method == "POST" else {}
    answer = api.call(method, f"/namespaces/{api.namespace()}/views/none", **options)
    assert error_of(answer) == (404, "NoSuchViewException")


def test_a_replaced_view_keeps_its_versions(view):
    """A new version becomes current and is logged; the one before stays, and the log tells of both."""
    done = view.replaced(("duckdb", "SELECT 2 AS visits"), ("spark", "SELECT 2 AS visits"))
    assert [each["version-id"] for each in done["versions"]] == [1, 2]
    assert done["current-version-id"] == 2
    assert [each["version-id"] for each in done["version-log"]] == [1, 2]


def test_a_view_goes_back_to_a_version_it_had(view):
    """Sending an old version again finds it and makes it current; it is logged at the time it happened."""
    view.replaced(("duckdb", "SELECT 2 AS visits"), ("spark", "SELECT 2 AS visits"))
    done = view.committed({"action": "set-current-view-version", "view-version-id": 1})
    assert (done["current-version-id"], len(done["versions"])) == (1, 2)
    assert [each["version-id"] for each in done["version-log"]] == [1, 2, 1]
    assert done["version-log"][-1]["timestamp-ms"] != done["version-log"][0]["timestamp-ms"]
    again = view.replaced(("duckdb", "SELECT 2 AS visits"), ("spark", "SELECT 2 AS visits"))
    assert (again["current-version-id"], len(again["versions"])) == (2, 2)


def test_a_view_gets_another_schema(view):
    """A schema added with a version is the version's, by `-1`; the same schema is not added twice."""
    wide = {
        **SCHEMA,
        "fields": [*SCHEMA["fields"], {"id": 2, "name": "b", "required": False, "type": "date"}],
    }
    queries = [("duckdb", "SELECT 1, DATE '2020-01-01'"), ("spark", "SELECT 1")]
    for number in (2, 3):
        done = view.committed(
            {"action": "add-schema", "schema": wide, "last-column-id": 2},
            {"action": "add-view-version", "view-version": version(*queries, number=number, schema_id=-1)},
            {"action": "set-current-view-version", "view-version-id": -1},
        )
    assert [each["schema-id"] for each in done["schemas"]] == [0, 1]
    assert [each["schema-id"] for each in done["versions"]] == [0, 1]


def test_a_dialect_is_not_lost_by_accident(view, error_of):
    """A version without a dialect the view had is refused, unless the view's properties allow it."""
    update = {"action": "add-view-version", "view-version": version(("duckdb", "SELECT 3 AS visits"))}
    current = {"action": "set-current-view-version", "view-version-id": -1}
    answer = view.commit(update, current)
    assert error_of(answer) == (400, "ValidationException")
    assert "spark" in answer.json()["error"]["message"]
    assert view.loaded == view.made
    allowed = {"action": "set-properties", "updates": {"replace.drop-dialect.allowed": "true"}}
    assert view.committed(allowed, update, current)["current-version-id"] == 2


def test_old_versions_are_forgotten(view):
    """A view keeps as many versions as it says, the current one among them, and a log without gaps."""
    view.committed({"action": "set-properties", "updates": {"version.history.num-entries": "3"}})
    for number in range(2, 8):
        sql = f"SELECT {number} AS visits"
        done = view.replaced(("duckdb", sql), ("spark", sql), number=number)
    assert [each["version-id"] for each in done["versions"]] == [5, 6, 7]
    assert [each["version-id"] for each in done["version-log"]] == [5, 6, 7]
    view.committed({"action": "set-current-view-version", "view-version-id": 5})
    done = view.replaced(("duckdb", "SELECT 8"), ("spark", "SELECT 8"), number=8)
    assert [each["version-id"] for each in done["versions"]] == [6, 7, 8]
    assert [each["version-id"] for each in done["version-log"]] == [8]


def test_properties_and_location_change(view, api):
    """Properties come and go; a new location moves the metadata, inside the warehouse only."""
    location = f"{view.made['metadata']['location']}-moved"
    done = view.committed(
        {"action": "set-properties", "updates": {"a": "1"}},
        {"action": "remove-properties", "removals": ["comment", "z"]},
        {"action": "set-location", "location": location},
    )
    assert done["properties"] == {"a": "1"}
    assert Path(view.loaded["metadata-location"]).parent == Path(location, "metadata")
    assert view.commit({"action": "set-location", "location": "/tmp/elsewhere"}).status_code == 400


def test_identity_and_format_stay(view, error_of):
    """The uuid and the format version can be set to what they are and to nothing else."""
    uuid = view.made["metadata"]["view-uuid"]
    same = [
        {"action": "assign-uuid", "uuid": uuid},
        {"action": "upgrade-format-version", "format-version": 1},
    ]
    assert view.committed(*same) == view.made["metadata"]
    for update in (
        {"action": "assign-uuid", "uuid": "00000000-0000-0000-0000-000000000000"},
        {"action": "upgrade-format-version", "format-version": 2},
        {"action": "upgrade-format-version", "format-version": 0},
    ):
        assert error_of(view.commit(update))[0] == 400


def test_a_commit_is_for_the_view_it_was_made_for(view, error_of):
    """`assert-view-uuid` lets a commit through where it holds, else the view stays as it was."""
    change = {"action": "set-properties", "updates": {"a": "1"}}
    other = {"type": "assert-view-uuid", "uuid": "00000000-0000-0000-0000-000000000000"}
    answer = view.commit(change, requirements=[other])
    assert error_of(answer) == (409, "CommitFailedException")
    assert view.loaded == view.made
    own = {"type": "assert-view-uuid", "uuid": view.made["metadata"]["view-uuid"].upper()}
    assert view.committed(change, requirements=[own])["properties"]["a"] == "1"


@pytest.mark.parametrize(
    ("updates", "requirements"),
    [
        ([{"action": "wish"}], []),
        ([{"action": "add-snapshot", "snapshot": {}}], []),
        ([{"action": "set-current-view-version", "view-version-id": 9}], []),
        ([{"action": "set-current-view-version", "view-version-id": -1}], []),
        ([{"action": "add-view-version", "view-version": version(("duckdb", "x"), schema_id=9)}], []),
        ([{"action": "add-view-version", "view-version": version(("duckdb", "x"), schema_id=-1)}], []),
        ([{"action": "add-view-version"}], []),
        ([{"action": "set-properties", "updates": {"version.history.num-entries": "0"}}], []),
        ([{"action": "set-properties", "updates": 7}], []),
        ([], [{"type": "assert-luck"}]),
        ([], [{"type": "assert-view-uuid"}]),
        ([], [{"type": "assert-table-uuid", "uuid": "x"}]),
    ],
)
def test_a_commit_that_makes_no_sense_changes_nothing(view, error_of, updates, requirements):
    """One update or requirement that cannot be handled undoes the whole commit."""
    touched = {"action": "set-properties", "updates": {"touched": "yes"}}
    assert error_of(view.commit(touched, *updates, requirements=requirements))[0] == 400
    assert view.loaded == view.made


def test_writers_of_one_view_do_not_lose_each_others_changes(view):
    """Commits that come at the same time all land, one after the other."""
    updates = [{"action": "set-properties", "updates": {f"p{number}": "1"}} for number in range(16)]
    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(view.commit, updates))
    assert {answer.status_code for answer in answers} == {200}
    assert set(view.loaded["metadata"]["properties"]) == {"comment", *(f"p{number}" for number in range(16))}


def test_a_commit_that_changes_nothing_writes_nothing(view):
    """A commit without effect keeps the metadata file."""
    view.committed({"action": "set-properties", "updates": {"comment": "c"}})
    assert view.loaded == view.made


def test_a_renamed_view_keeps_all_but_its_name(api, view):
    """A rename moves the name, also between namespaces, and no file."""
    target = api.namespace()
    names = {
        "source": {"namespace": [view.namespace], "name": "busy"},
        "destination": {"namespace": [target], "name": "calm"},
    }
    assert api.post("/views/rename", names).status_code == 204
    assert api.head(view.path).status_code == 404
    assert api.get(f"/namespaces/{target}/views/calm").json() == view.made


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("none", (None, "calm"), (404, "NoSuchViewException")),
        ("busy", ("nowhere", "calm"), (404, "NoSuchNamespaceException")),
        ("busy", (None, "visit"), (409, "AlreadyExistsException")),
    ],
)
def test_a_rename_needs_a_view_a_namespace_and_a_free_name(
    api, view, error_of, source, destination, expected
):
    """A rename that cannot be made says why and changes nothing; a table's name is not free."""
    api.post(f"/namespaces/{view.namespace}/tables", api.create_body(view.namespace, "visit"))
    names = {
        "source": {"namespace": [view.namespace], "name": source},
        "destination": {"namespace": [destination[0] or view.namespace], "name": destination[1]},
    }
    assert error_of(api.post("/views/rename", names)) == expected
    assert view.loaded == view.made


def test_a_dropped_view_is_gone_with_its_metadata(api, view):
    """A dropped view is not there any more, and leaves no file; its name is free for a table."""
    view.replaced(("duckdb", "SELECT 2"), ("spark", "SELECT 2"))
    assert api.delete(view.path).status_code == 204
    assert api.head(view.path).status_code == 404
    assert not Path(view.made["metadata"]["location"]).exists()
    made = api.post(f"/namespaces/{view.namespace}/tables", api.create_body(view.namespace, "busy"))
    assert made.status_code == 200


def test_metadata_that_exists_is_registered_as_a_view(api, view, error_of):
    """A view comes back from its metadata file; what is a table's, missing or elsewhere is refused."""
    api.post(
        "/views/rename",
        {
            "source": {"namespace": [view.namespace], "name": "busy"},
            "destination": {"namespace": [view.namespace], "name": "calm"},
        },
    ).raise_for_status()
    path = f"/namespaces/{view.namespace}/register-view"
    at = view.made["metadata-location"]
    copy = Path(at).with_name("00000-copy.metadata.json")
    copy.write_bytes(Path(at).read_bytes())
    held = api.post(path, {"name": "busy", "metadata-location": str(copy)})
    assert error_of(held) == (409, "AlreadyExistsException")
    text = copy.read_text().replace(view.made["metadata"]["location"], f"{api.endpoint.warehouse}/else/busy")
    copy.write_text(text)
    made = api.post(path, {"name": "busy", "metadata-location": str(copy)}).raise_for_status().json()
    assert made["metadata"]["versions"] == view.made["metadata"]["versions"]
    assert error_of(api.post(path, {"name": "calm", "metadata-location": at}))[0] == 409
    table = api.get(api.table().path).json()["metadata-location"]
    for place in (table, "/etc/passwd", "", f"{api.endpoint.warehouse}/none.metadata.json"):
        answer = api.post(path, {"name": "new", "metadata-location": place})
        assert error_of(answer) == (400, "BadRequestException")
    tables = f"/namespaces/{view.namespace}/register"
    answer = api.post(tables, {"name": "new", "metadata-location": at})
    assert error_of(answer) == (400, "BadRequestException")


def test_views_come_in_pages(api, view):
    """A list of views is cut where a page token is sent, and its tokens lead through all of it once."""
    for name in "abc":
        api.post(f"/namespaces/{view.namespace}/views", body(name)).raise_for_status()
    seen, token = [], ""
    while token is not None:
        answer = api.get(
            f"/namespaces/{view.namespace}/views", params={"pageSize": "3", "pageToken": token}
        ).json()
        seen += [each["name"] for each in answer["identifiers"]]
        token = answer["next-page-token"]
    assert seen == ["a", "b", "busy", "c"]
