"""Tables come, are read, moved and go, as the Iceberg REST specification words it."""

import json
from pathlib import Path

import pytest


def test_a_created_table_is_listed_loaded_and_exists(api):
    """A table is there, with metadata and its location, once it was created."""
    table = api.table()
    loaded = api.get(table.path).json()
    assert loaded["metadata"] == table.made
    assert Path(loaded["metadata-location"]).is_file()
    assert json.loads(Path(loaded["metadata-location"]).read_bytes()) == table.made
    exists = api.head(table.path)
    assert (exists.status_code, exists.content) == (204, b"")
    listed = api.get(f"/namespaces/{table.namespace}/tables").json()["identifiers"]
    assert listed == [{"namespace": [table.namespace], "name": "visit"}]


def test_a_table_has_its_folders(api):
    """Creation makes the folders that engines write into, readable by the owner alone."""
    location = Path(api.table().made["location"])
    for folder in ("data", "metadata"):
        assert (location / folder).is_dir()
        assert (location / folder).stat().st_mode & 0o077 == 0


def test_a_table_cannot_be_created_twice(api, error_of):
    """Creating a table again is a conflict and leaves the first as it was."""
    table = api.table()
    body = api.create_body(table.namespace, "visit")
    answer = api.post(f"/namespaces/{table.namespace}/tables", body)
    assert error_of(answer) == (409, "AlreadyExistsException")
    assert table.metadata["table-uuid"] == table.made["table-uuid"]


def test_a_table_needs_its_namespace(api, error_of):
    """A table cannot be created in a namespace that is not there, nor listed from it."""
    answer = api.post("/namespaces/nowhere/tables", api.create_body("nowhere", "visit"))
    assert error_of(answer) == (404, "NoSuchNamespaceException")
    assert error_of(api.get("/namespaces/nowhere/tables")) == (404, "NoSuchNamespaceException")


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_a_missing_table_is_not_found(api, error_of, method):
    """Loading, dropping or committing to a table that is not there is answered with 404."""
    options = {"json": {"requirements": [], "updates": []}} if method == "POST" else {}
    answer = api.call(method, f"/namespaces/{api.namespace()}/tables/none", **options)
    assert error_of(answer) == (404, "NoSuchTableException")


def test_a_missing_table_does_not_exist(api):
    """HEAD on a table that is not there is answered with 404 and no body."""
    answer = api.head(f"/namespaces/{api.namespace()}/tables/none")
    assert (answer.status_code, answer.content) == (404, b"")


def test_field_ids_are_reassigned_from_one(api):
    """Columns, the identifier, partition and sort sources are numbered anew, together."""
    table = api.table(
        **{
            "partition-spec": {"fields": [{"source-id": 20, "transform": "month", "name": "day_month"}]},
            "write-order": {
                "order-id": 7,
                "fields": [
                    {
                        "source-id": 30,
                        "transform": "identity",
                        "direction": "asc",
                        "null-order": "nulls-first",
                    }
                ],
            },
        }
    )
    made = table.made
    assert [field["id"] for field in made["schemas"][0]["fields"]] == [1, 2, 3]
    assert made["schemas"][0]["identifier-field-ids"] == [1]
    assert made["last-column-id"] == 3
    assert made["partition-specs"] == [
        {
            "spec-id": 0,
            "fields": [{"source-id": 2, "transform": "month", "name": "day_month", "field-id": 1000}],
        }
    ]
    assert made["last-partition-id"] == 1000
    assert made["sort-orders"][0]["fields"][0]["source-id"] == 3
    assert made["default-sort-order-id"] == made["sort-orders"][0]["order-id"] == 1


def test_zero_based_field_ids_are_reassigned_too(api):
    """A writer that counts from 0, as Spark does, gets ids from 1."""
    schema = {"type": "struct", "fields": [{"id": 0, "name": "a", "required": False, "type": "long"}]}
    assert api.table(schema=schema).made["schemas"][0]["fields"][0]["id"] == 1


def test_the_format_version_is_a_property_of_the_request_only(api, table, version):
    """`format-version` chooses the version and is not kept as a property."""
    assert table.made["format-version"] == version
    assert "format-version" not in table.made["properties"]


def test_the_version_decides_the_fields(api, table, version):
    """v1 keeps the fields old readers want, v2 has sequence numbers, v3 has row ids."""
    made = table.made
    assert ("schema" in made, "partition-spec" in made) == (version == 1, version == 1)
    assert made.get("last-sequence-number") == (0 if version > 1 else None)
    assert made.get("next-row-id") == (0 if version > 2 else None)


@pytest.mark.parametrize("value", ["0", "4", "two"])
def test_an_unknown_version_is_refused(api, error_of, value):
    """Format versions that nobody knows are bad requests."""
    namespace = api.namespace()
    body = api.create_body(namespace, "visit", properties={"format-version": value})
    assert error_of(api.post(f"/namespaces/{namespace}/tables", body)) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "kind", ["timestamp_ns", "timestamptz_ns", "variant", "geometry(OGC:CRS84)", "unknown"]
)
def test_types_of_v3_need_v3(api, error_of, kind):
    """A column of a v3 type is refused in v2 and held in v3."""
    schema = {"type": "struct", "fields": [{"id": 1, "name": "a", "required": False, "type": kind}]}
    namespace = api.namespace()
    body = api.create_body(namespace, "visit", schema=schema)
    assert error_of(api.post(f"/namespaces/{namespace}/tables", body)) == (400, "ValidationException")
    assert api.table(3, schema=schema).made["schemas"][0]["fields"][0]["type"] == kind


def test_defaults_of_columns_survive_in_v3(api):
    """Column defaults and fields this catalog does not know are kept as they were sent."""
    field = {
        "id": 1,
        "name": "a",
        "required": False,
        "type": "long",
        "initial-default": 7,
        "write-default": 7,
    }
    schema = {"type": "struct", "fields": [{**field, "x-unknown": {"deep": [1]}}]}
    assert api.table(3, schema=schema).metadata["schemas"][0]["fields"][0] == {
        **field,
        "x-unknown": {"deep": [1]},
    }


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("schema", None),
        ("schema", {"type": "struct"}),
        ("schema", {"type": "struct", "fields": [{"id": 1, "name": "a"}]}),
        (
            "schema",
            {"fields": [{"id": 1, "name": "a", "type": "long"}, {"id": 1, "name": "b", "type": "long"}]},
        ),
        (
            "schema",
            {"fields": [{"id": 1, "name": "a", "type": "long"}, {"id": 2, "name": "a", "type": "long"}]},
        ),
        ("partition-spec", {"fields": [{"source-id": 99, "transform": "day", "name": "d"}]}),
        ("write-order", {"fields": [{"source-id": 99, "transform": "identity"}]}),
        ("name", ""),
        ("name", ".."),
    ],
)
def test_a_creation_that_makes_no_sense_is_refused(api, error_of, part, value):
    """What is missing, doubled or refers to nothing is a bad request, and leaves no table."""
    namespace = api.namespace()
    body = {**api.create_body(namespace, "visit"), part: value}
    assert error_of(api.post(f"/namespaces/{namespace}/tables", body))[0] == 400
    assert api.get(f"/namespaces/{namespace}/tables").json()["identifiers"] == []


@pytest.mark.parametrize(
    "place", ["/etc/visit", "relative/visit", "{warehouse}/../visit", "{warehouse}", "s3://b/visit"]
)
def test_tables_lie_inside_the_warehouse(api, error_of, place):
    """A location outside the lake's warehouse is refused."""
    namespace = api.namespace()
    location = place.format(warehouse=api.endpoint.warehouse)
    answer = api.post(
        f"/namespaces/{namespace}/tables", api.create_body(namespace, "visit", location=location)
    )
    assert error_of(answer) == (400, "BadRequestException")


@pytest.mark.parametrize("place", ["{}", "{}/", "file://{}", "{}/inner", "{}/..", "{}/../other/../visit"])
def test_two_tables_never_share_a_location(api, error_of, place):
    """A location that is another table's, lies in it or around it is refused, however it is written."""
    table = api.table()
    body = api.create_body(table.namespace, "other", location=place.format(table.made["location"]))
    answer = api.post(f"/namespaces/{table.namespace}/tables", body)
    assert error_of(answer) == (409, "AlreadyExistsException")


def test_a_dropped_table_is_gone_and_its_files_stay(api):
    """A drop without purge forgets the table and deletes nothing."""
    table = api.table()
    file = Path(api.get(table.path).json()["metadata-location"])
    assert api.delete(table.path).status_code == 204
    assert api.head(table.path).status_code == 404
    assert file.is_file()


def test_a_purged_table_leaves_no_file(api, only_full):
    """A drop with purge deletes the table's folder."""
    table = api.table()
    assert api.delete(table.path, params={"purgeRequested": "true"}).status_code == 204
    assert not Path(table.made["location"]).exists()


def test_a_table_of_an_old_name_gets_a_new_folder(api, only_full):
    """A table created under the name of a dropped one does not lie among its files."""
    namespace = api.namespace()
    body = api.create_body(namespace, "visit", location=None)
    first = api.post(f"/namespaces/{namespace}/tables", body).json()["metadata"]["location"]
    api.delete(f"/namespaces/{namespace}/tables/visit").raise_for_status()
    second = api.post(f"/namespaces/{namespace}/tables", body).json()["metadata"]["location"]
    assert first == api.location(namespace, "visit")
    assert second.startswith(f"{first}-")


def test_a_table_may_be_named_like_a_namespace(api, only_full):
    """A table and a child namespace of one name do not get in each other's way."""
    namespace = api.namespace()
    api.post("/namespaces", {"namespace": [namespace, "visit"]}).raise_for_status()
    for path in (namespace, f"{namespace}%1Fvisit"):
        body = api.create_body(namespace, "visit", location=None)
        api.post(f"/namespaces/{path}/tables", body).raise_for_status()


def test_a_renamed_table_keeps_all_but_its_name(api, only_full):
    """A rename moves the name, also between namespaces, and no file."""
    table, target = api.table(), api.namespace()
    body = {
        "source": {"namespace": [table.namespace], "name": "visit"},
        "destination": {"namespace": [target], "name": "stay"},
    }
    assert api.post("/tables/rename", body).status_code == 204
    assert api.head(table.path).status_code == 404
    assert api.get(f"/namespaces/{target}/tables/stay").json()["metadata"] == table.made


@pytest.mark.parametrize(
    ("source", "destination", "expected"),
    [
        ("none", ("", "stay"), (404, "NoSuchTableException")),
        ("visit", ("nowhere", "stay"), (404, "NoSuchNamespaceException")),
        ("visit", ("", "taken"), (409, "AlreadyExistsException")),
    ],
)
def test_a_rename_needs_a_table_a_namespace_and_a_free_name(
    api, only_full, error_of, source, destination, expected
):
    """A rename that cannot be made says why and changes nothing."""
    table = api.table()
    api.post(f"/namespaces/{table.namespace}/tables", api.create_body(table.namespace, "taken"))
    body = {
        "source": {"namespace": [table.namespace], "name": source},
        "destination": {"namespace": [destination[0] or table.namespace], "name": destination[1]},
    }
    assert error_of(api.post("/tables/rename", body)) == expected
    assert api.head(table.path).status_code == 204


def test_metadata_that_exists_is_registered_as_a_table(api, only_full, version):
    """A dropped table comes back whole from its metadata file, in every version."""
    table = api.table(version)
    table.append(1)
    before = api.get(table.path).json()
    api.delete(table.path).raise_for_status()
    body = {"name": "again", "metadata-location": before["metadata-location"]}
    path = f"/namespaces/{table.namespace}/register"
    assert api.post(path, body).json()["metadata"] == before["metadata"]
    assert api.get(f"/namespaces/{table.namespace}/tables/again").json() == before


def test_a_registration_replaces_a_table_only_when_told(api, only_full, error_of):
    """Registering over a table is a conflict unless `overwrite` is asked for."""
    table = api.table()
    first = api.get(table.path).json()["metadata-location"]
    table.append(1)
    body = {"name": "visit", "metadata-location": first}
    path = f"/namespaces/{table.namespace}/register"
    assert error_of(api.post(path, body)) == (409, "AlreadyExistsException")
    assert api.post(path, {**body, "overwrite": True}).status_code == 200
    assert table.metadata["snapshots"] == []


@pytest.mark.parametrize("place", ["/etc/passwd", "{warehouse}/none.metadata.json", ""])
def test_only_metadata_of_this_warehouse_is_registered(api, only_full, error_of, place):
    """A registration of what is missing or lies elsewhere is a bad request."""
    location = place.format(warehouse=api.endpoint.warehouse)
    path = f"/namespaces/{api.namespace()}/register"
    answer = api.post(path, {"name": "visit", "metadata-location": location})
    assert error_of(answer) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"format-version": 9, "location": "x"}',
        b'{"format-version": 2, "location": "x"}',
        b'{"format-version": 2, "location": "x", "schemas": 7}',
        b'{"format-version": 2, "location": "x", "schemas": [], "refs": {"main": {}}}',
    ],
)
@pytest.mark.parametrize("suffix", [".metadata.json", ".gz.metadata.json"])
def test_garbage_is_not_registered(api, only_full, error_of, text, suffix):
    """A file that is no table metadata is refused, whatever it holds."""
    namespace = api.namespace()
    place = Path(api.endpoint.warehouse, namespace, "visit", "metadata", f"00000-x{suffix}")
    place.parent.mkdir(parents=True)
    place.write_bytes(text)
    body = {"name": "visit", "metadata-location": str(place)}
    answer = api.post(f"/namespaces/{namespace}/register", body)
    assert error_of(answer) == (400, "BadRequestException")


@pytest.mark.parametrize(
    "broken",
    [
        {"current-schema-id": 9},
        {"default-spec-id": 9},
        {"default-sort-order-id": 9},
        {"refs": {"main": {"snapshot-id": 9, "type": "branch"}}},
        {"current-snapshot-id": 9, "refs": {}},
    ],
    ids=json.dumps,
)
def test_metadata_that_contradicts_itself_is_not_registered(api, only_full, error_of, broken):
    """What is current must be there."""
    table = api.table()
    table.append(1)
    at = Path(api.get(table.path).json()["metadata-location"])
    copy = at.with_name("00000-copy.metadata.json")
    copy.write_text(json.dumps({**json.loads(at.read_bytes()), **broken}))
    api.delete(table.path).raise_for_status()
    body = {"name": "visit", "metadata-location": str(copy)}
    answer = api.post(f"/namespaces/{table.namespace}/register", body)
    assert error_of(answer) == (400, "BadRequestException")


def test_metadata_of_other_writers_is_registered_in_normal_form(api, only_full):
    """Old v1 metadata, without lists of schemas and with -1 for no snapshot, can be committed to."""
    table = api.table(1)
    location = Path(api.get(table.path).json()["metadata-location"])
    old = {
        key: value
        for key, value in table.made.items()
        if key
        not in {"schemas", "current-schema-id", "partition-specs", "default-spec-id", "refs", "sort-orders"}
    }
    rewritten = location.with_name("v1.metadata.json")
    rewritten.write_text(json.dumps({**old, "current-snapshot-id": -1, "default-sort-order-id": None}))
    api.delete(table.path).raise_for_status()
    path = f"/namespaces/{table.namespace}/register"
    made = api.post(path, {"name": "visit", "metadata-location": str(rewritten)}).raise_for_status().json()
    assert made["metadata"]["schemas"][0]["fields"] == table.made["schema"]["fields"]
    assert table.append(1)["current-snapshot-id"] == 1


def test_only_snapshots_with_a_name_are_loaded_when_asked(api, table):
    """`snapshots=refs` leaves out snapshots that no branch or tag points at."""
    table.append(1)
    table.append(2, 1)
    assert len(api.get(table.path, params={"snapshots": "all"}).json()["metadata"]["snapshots"]) == 2
    found = api.get(table.path, params={"snapshots": "refs"}).json()["metadata"]["snapshots"]
    assert [each["snapshot-id"] for each in found] == [2]


def test_no_storage_credentials_are_handed_out(api, error_of, only_embedded):
    """Tables lie on this machine: the list of credentials is empty, for a table that is there."""
    table = api.table()
    assert api.get(f"{table.path}/credentials").json() == {"storage-credentials": []}
    missing = api.get(f"/namespaces/{table.namespace}/tables/none/credentials")
    assert error_of(missing) == (404, "NoSuchTableException")


def test_a_snapshot_mode_nobody_knows_is_refused(api, table, error_of):
    """`snapshots` is `all` or `refs`."""
    assert error_of(api.get(table.path, params={"snapshots": "some"})) == (400, "BadRequestException")


def test_metadata_a_client_has_is_not_sent_again(api, table):
    """With the entity tag it got, a client is told that nothing has changed, until something has."""
    first = api.get(table.path)
    tag = first.headers["etag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}'):
        again = api.get(table.path, headers={"if-none-match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert api.get(table.path, headers={"if-none-match": '"other"'}).status_code == 200
    table.append(1)
    changed = api.get(table.path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


def test_a_commit_tells_the_tag_of_what_it_made(api, table):
    """The tag in the answer to a creation and to a commit is that of the table loaded after it."""
    body = api.create_body(table.namespace, "tagged")
    made = api.post(f"/namespaces/{table.namespace}/tables", body)
    assert made.headers["etag"] == api.get(f"/namespaces/{table.namespace}/tables/tagged").headers["etag"]
    answer = table.commit({"action": "set-properties", "updates": {"a": "1"}})
    assert answer.headers["etag"] == api.get(table.path).headers["etag"]


def test_another_choice_of_snapshots_has_another_tag(api, table):
    """The same metadata with fewer snapshots is another content, and its tag says so."""
    table.append(1)
    everything = api.get(table.path).headers["etag"]
    named = api.get(table.path, params={"snapshots": "refs"}, headers={"if-none-match": everything})
    assert named.status_code == 200
    again = api.get(
        table.path, params={"snapshots": "refs"}, headers={"if-none-match": named.headers["etag"]}
    )
    assert again.status_code == 304


def test_an_unregistered_table_leaves_everything(api, only_full):
    """Unregistering gives the last metadata, forgets the table, and leaves files from which it comes back."""
    table = api.table()
    table.append(1)
    before = api.get(table.path).json()
    gone = api.post(f"{table.path}/unregister", {}).raise_for_status().json()
    assert gone == {"metadata-location": before["metadata-location"], "metadata": before["metadata"]}
    assert api.head(table.path).status_code == 404
    body = {"name": "visit", "metadata-location": gone["metadata-location"]}
    api.post(f"/namespaces/{table.namespace}/register", body).raise_for_status()
    assert table.metadata == before["metadata"]


def test_a_table_that_is_not_there_is_not_unregistered(api, only_full, error_of):
    """Unregistering nothing is answered with 404."""
    answer = api.post(f"/namespaces/{api.namespace()}/tables/none/unregister", {})
    assert error_of(answer) == (404, "NoSuchTableException")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/namespaces/{0}/functions"),
        ("GET", "/namespaces/{0}/functions/f"),
        ("POST", "{1}/plan"),
        ("GET", "{1}/plan/p"),
        ("DELETE", "{1}/plan/p"),
        ("POST", "{1}/tasks"),
        ("POST", "{1}/sign"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(api, error_of, method, path):
    """Operations of the specification that this catalog lacks say so, and are not announced."""
    table = api.table()
    options = {"json": {}} if method == "POST" else {}
    answer = api.call(method, path.format(table.namespace, table.path), **options)
    assert error_of(answer) == (406, "UnsupportedOperationException")
    assert "not supported" in answer.json()["error"]["message"]
    lacking = {"functions", "plan", "tasks", "sign"}
    assert not [each for each in api.config["endpoints"] if lacking & set(each.split("/"))]
