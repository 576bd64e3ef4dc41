"""Namespaces, as the Iceberg REST specification words them."""

import pytest


def test_a_created_namespace_is_listed_loaded_and_exists(api):
    """A namespace is there, with its properties, once it was created."""
    name = api.namespace(owner="clinic")
    assert api.get(f"/namespaces/{name}").json() == {"namespace": [name], "properties": {"owner": "clinic"}}
    assert [name] in api.get("/namespaces").json()["namespaces"]
    exists = api.head(f"/namespaces/{name}")
    assert (exists.status_code, exists.content) == (204, b"")


def test_a_namespace_cannot_be_created_twice(api, error_of):
    """Creating a namespace again is a conflict."""
    name = api.namespace()
    answer = api.post("/namespaces", {"namespace": [name]})
    assert error_of(answer) == (409, "AlreadyExistsException")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_missing_namespace_is_not_found(api, error_of, method):
    """Loading or dropping a namespace that is not there is answered with 404."""
    assert error_of(api.call(method, "/namespaces/nowhere")) == (404, "NoSuchNamespaceException")


def test_a_missing_namespace_does_not_exist(api):
    """HEAD on a namespace that is not there is answered with 404 and no body."""
    answer = api.head("/namespaces/nowhere")
    assert (answer.status_code, answer.content) == (404, b"")


def test_a_dropped_namespace_is_gone(api):
    """After a drop the namespace is neither found nor listed."""
    name = api.namespace()
    assert api.delete(f"/namespaces/{name}").status_code == 204
    assert api.head(f"/namespaces/{name}").status_code == 404
    assert [name] not in api.get("/namespaces").json()["namespaces"]


def test_a_namespace_with_a_table_is_not_dropped(api, error_of):
    """A namespace that holds a table stays."""
    table = api.table()
    answer = api.delete(f"/namespaces/{table.namespace}")
    assert error_of(answer) == (409, "NamespaceNotEmptyException")


def test_namespaces_nest(api, error_of):
    """A child lies in its parent, is listed there only, and keeps it from being dropped."""
    parent = api.namespace()
    api.post("/namespaces", {"namespace": [parent, "inner"]}).raise_for_status()
    assert api.get("/namespaces", params={"parent": parent}).json()["namespaces"] == [[parent, "inner"]]
    assert [parent, "inner"] not in api.get("/namespaces").json()["namespaces"]
    assert api.get(f"/namespaces/{parent}%1Finner").json()["namespace"] == [parent, "inner"]
    assert error_of(api.delete(f"/namespaces/{parent}")) == (409, "NamespaceNotEmptyException")


def test_a_child_needs_its_parent(api, error_of):
    """A namespace cannot be created in one that is not there, nor listed from it."""
    answer = api.post("/namespaces", {"namespace": ["nowhere", "inner"]})
    assert error_of(answer) == (404, "NoSuchNamespaceException")
    listed = api.get("/namespaces", params={"parent": "nowhere"})
    assert error_of(listed) == (404, "NoSuchNamespaceException")


def test_properties_are_set_and_removed(api):
    """The answer to a change of properties says what was set, removed and missing."""
    name = api.namespace(a="1", b="2")
    answer = api.post(f"/namespaces/{name}/properties", {"removals": ["a", "z"], "updates": {"c": "3"}})
    assert answer.json() == {"updated": ["c"], "removed": ["a"], "missing": ["z"]}
    assert api.get(f"/namespaces/{name}").json()["properties"] == {"b": "2", "c": "3"}


def test_a_property_is_not_set_and_removed_at_once(api, error_of):
    """The same property in both lists cannot be processed."""
    name = api.namespace()
    answer = api.post(f"/namespaces/{name}/properties", {"removals": ["a"], "updates": {"a": "1"}})
    assert error_of(answer) == (422, "UnprocessableEntityException")


def test_a_list_comes_in_pages(api):
    """With a page size, a list is cut, and its tokens lead through all of it once."""
    parent = api.namespace()
    for name in "abcde":
        api.post("/namespaces", {"namespace": [parent, name]}).raise_for_status()
    seen, token = [], ""
    while token is not None:
        page = api.get("/namespaces", params={"parent": parent, "pageSize": "2", "pageToken": token}).json()
        assert len(page["namespaces"]) <= 2
        seen += [each[-1] for each in page["namespaces"]]
        token = page.get("next-page-token")
    assert seen == list("abcde")


def test_a_list_is_whole_where_no_page_is_asked_for(api):
    """Without a page token everything comes at once, whatever size is named, and no page follows."""
    parent = api.namespace()
    for name in "abc":
        api.post("/namespaces", {"namespace": [parent, name]}).raise_for_status()
    for parameters in ({}, {"pageSize": "1"}):
        found = api.get("/namespaces", params={"parent": parent, **parameters}).json()
        assert len(found["namespaces"]) == 3
        assert found["next-page-token"] is None


@pytest.mark.parametrize(
    "parameters",
    [
        {"pageToken": "", "pageSize": "0"},
        {"pageToken": "", "pageSize": "-1"},
        {"pageToken": "", "pageSize": "many"},
        {"pageToken": "2"},
        {"pageToken": "bnVsbA=="},
        {"pageToken": "W10"},
    ],
)
def test_a_page_that_is_none_is_refused(api, error_of, parameters):
    """Sizes below one and tokens that this catalog never gave are bad requests."""
    assert error_of(api.get("/namespaces", params=parameters)) == (400, "BadRequestException")


@pytest.mark.parametrize("name", ["", "..", ".", "a\x1fb", "a\x00b", "n" * 256, 7, None])
def test_a_name_that_is_no_name_is_refused(api, error_of, name):
    """Names that are empty, paths, too long or not text are bad requests."""
    assert error_of(api.post("/namespaces", {"namespace": [name]})) == (400, "BadRequestException")


def test_names_may_hold_any_printable_character(api):
    """Slashes, dots, spaces and letters of any script survive a round trip."""
    name = "a/b.c d%2F zäh \N{SNOWMAN}"
    api.post("/namespaces", {"namespace": [name]}).raise_for_status()
    assert [name] in api.get("/namespaces").json()["namespaces"]
    body = api.create_body("odd", "t/1")
    path = "/namespaces/a%2Fb.c%20d%252F%20z%C3%A4h%20%E2%98%83"
    api.post(f"{path}/tables", body).raise_for_status()
    assert api.get(f"{path}/tables/t%2F1").status_code == 200
    assert api.get(f"{path}/tables").json()["identifiers"] == [{"namespace": [name], "name": "t/1"}]
    assert api.delete(f"{path}/tables/t%2F1").status_code == 204
    assert api.delete(path).status_code == 204
