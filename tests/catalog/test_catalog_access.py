"""Who reaches a served catalog, and what each may do there."""

import base64
import importlib
import json
import stat
import threading
from pathlib import Path

import duckdb
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.exceptions import ForbiddenError, OAuthError

from a360.catalog import CatalogSession, Scope, clients_of
from a360.catalog._serve import gate_of
from a360.catalog._wire import Request
from a360.catalog.access import _oauth, _tokens, scope_needed
from a360.catalog.access._throttle import Throttle
from a360.catalog.access._tokens import Tokens
from a360.errors import OperatorError, UsageError
from a360.protect import LocalKeyStore

TOKENS = "/v1/oauth/tokens"
SCHEMA = {"type": "struct", "schema-id": 0, "fields": []}


@pytest.fixture
def profile():
    return "full"


@pytest.fixture
def clients(tmp_path):
    """The clients of a lake with keys."""
    LocalKeyStore.create(tmp_path / "keys")
    return clients_of(tmp_path)


@pytest.fixture
def session(tmp_path, clients):
    """That lake's catalog, served as `catalog serve` does."""
    with CatalogSession.open(tmp_path, gate=gate_of(tmp_path, "operator")) as opened:
        yield opened


@pytest.fixture
def http(session):
    with httpx.Client(base_url=session.endpoint.uri, trust_env=False) as opened:
        yield opened


def form(name, secret, **more):
    return {"grant_type": "client_credentials", "client_id": name, "client_secret": secret, **more}


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def granted(http, name, secret, **more):
    answer = http.post(TOKENS, data=form(name, secret, **more))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_client_gets_a_token_as_rfc_6749_words_it(http, clients):
    """The answer names token, kind, lifetime and scope, and must not be stored on the way."""
    answer = http.post(TOKENS, data=form("etl", clients.add("etl", Scope.WRITER)))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["token_type"], told["scope"]) == ("bearer", "writer")
    assert 0 < told["expires_in"] <= 3600
    assert answer.headers["cache-control"] == "no-store"
    assert http.get("/v1/config", headers=bearer(told["access_token"])).status_code == 200


def test_credentials_may_stand_in_the_header(http, clients):
    """HTTP Basic authentication is taken, as RFC 6749, 2.3.1 demands, and never beside the body's."""
    secret = clients.add("etl", Scope.READER)
    basic = base64.b64encode(f"etl:{secret}".encode()).decode()
    header = {"authorization": f"Basic {basic}"}
    body = {"grant_type": "client_credentials"}
    assert http.post(TOKENS, data=body, headers=header).status_code == 200
    twice = http.post(TOKENS, data=form("etl", secret), headers=header)
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    wrong = {"authorization": "Basic " + base64.b64encode(b"etl:wrong").decode()}
    refused = http.post(TOKENS, data=body, headers=wrong)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert refused.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "../etl"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"client_id": None, "client_secret": None}, 401, "invalid_client"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"},
            400,
            "unsupported_grant_type",
        ),
        ({"scope": "admin"}, 400, "invalid_scope"),
        ({"scope": "everything"}, 400, "invalid_scope"),
    ],
)
def test_a_refusal_is_worded_by_rfc_6749(http, clients, change, status, error):
    """Each fault has the status and the code of RFC 6749, 5.2, in the specification's OAuthError."""
    body = form("etl", clients.add("etl", Scope.READER)) | change
    answer = http.post(TOKENS, data={key: value for key, value in body.items() if value is not None})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"


def test_a_form_that_is_none_is_refused(http, clients):
    """JSON, repeated parameters and bodies without end get no token."""
    secret = clients.add("etl", Scope.READER)
    assert http.post(TOKENS, json=form("etl", secret)).json()["error"] == "invalid_request"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    twice = f"grant_type=client_credentials&client_id=etl&client_id=etl&client_secret={secret}"
    assert http.post(TOKENS, content=twice, headers=kind).json()["error"] == "invalid_request"
    assert http.post(TOKENS, content="a=" + "b" * 100_000, headers=kind).status_code == 400


def test_a_token_may_ask_for_less_than_its_client_may(http, clients):
    """A requested scope narrows; the names that clients send by default mean the client's own."""
    secret = clients.add("etl", Scope.ADMIN)
    assert granted(http, "etl", secret, scope="reader")["scope"] == "reader"
    assert granted(http, "etl", secret, scope="reader writer")["scope"] == "writer"
    for usual in ("catalog", "PRINCIPAL_ROLE:ALL"):
        assert granted(http, "etl", secret, scope=usual)["scope"] == "admin"


OPERATIONS = [
    ("GET", "/v1/namespaces", None, Scope.READER),
    ("GET", "/v1/namespaces/silver/tables/visit", None, Scope.READER),
    ("HEAD", "/v1/namespaces/silver", None, Scope.READER),
    ("POST", "/v1/namespaces/silver/tables/visit/metrics", {}, Scope.READER),
    ("POST", "/v1/namespaces/silver/properties", {"updates": {"a": "b"}}, Scope.WRITER),
    ("POST", "/v1/namespaces/silver/tables/visit", {}, Scope.WRITER),
    ("POST", "/v1/namespaces/silver/tables/metrics", {}, Scope.WRITER),
    ("POST", "/v1/namespaces/silver/tables/rename", {}, Scope.WRITER),
    ("POST", "/v1/namespaces", {"namespace": ["gold"]}, Scope.WRITER),
    ("POST", "/v1/namespaces/silver/tables", {"name": "t", "schema": SCHEMA}, Scope.WRITER),
    ("POST", "/v1/transactions/commit", {"table-changes": []}, Scope.WRITER),
    ("POST", "/v1/namespaces/silver/register", {"name": "r"}, Scope.ADMIN),
    ("POST", "/v1/tables/rename", {}, Scope.ADMIN),
    ("DELETE", "/v1/namespaces/silver/tables/visit", None, Scope.ADMIN),
    ("DELETE", "/v1/namespaces/silver", None, Scope.ADMIN),
    ("PUT", "/v1/namespaces/silver", {}, Scope.ADMIN),
]


@pytest.mark.parametrize("scope", Scope)
def test_a_client_does_what_its_scope_covers_and_nothing_else(http, clients, scope):
    """Each operation is let through from its scope upwards, and answered 403 below, with the scope needed."""
    token = granted(http, "c", clients.add("c", scope))["access_token"]
    for method, path, body, needed in OPERATIONS:
        answer = http.request(method, path, json=body, headers=bearer(token))
        assert (answer.status_code == 403) == (not scope.covers(needed)), (method, path)
        if answer.status_code == 403 and method != "HEAD":
            assert answer.json()["error"]["type"] == "ForbiddenException"
            assert f'scope="{needed}"' in answer.headers["www-authenticate"]


@given(
    st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "TRACE"]),
    st.lists(
        st.sampled_from(["v1", "namespaces", "tables", "views", "metrics", "rename", "register", "a", "%2e"]),
        max_size=8,
    ),
)
def test_nothing_but_a_report_changes_for_a_reader(method, parts):
    """Whatever the path, a request that is no plain read needs more than reader, but for scan reports."""
    request = Request(method, "/" + "/".join(parts))
    if scope_needed(request) is Scope.READER:
        assert (method, parts[-1], parts[-3], parts[-5]) == ("POST", "metrics", "tables", "namespaces")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eDp5", "Bearer \xff"])
def test_a_stranger_gets_nothing(http, session, header):
    """Without a valid token every path answers 401 and says how to come in, and nothing else."""
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    for method, path in (("GET", "/v1/config"), ("POST", "/v1/namespaces"), ("GET", "/nothing")):
        answer = http.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "NotAuthorizedException")
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert session.client().list_namespaces() == []


def test_a_token_ends_with_its_time_and_with_its_client(http, clients, monkeypatch):
    """An expired token is refused; so is one whose client was removed, even where the name came back."""
    monkeypatch.setattr(_tokens, "LIFETIME_SECONDS", -1)
    secret = clients.add("etl", Scope.READER)
    late = granted(http, "etl", secret)["access_token"]
    assert http.get("/v1/config", headers=bearer(late)).status_code == 401
    monkeypatch.undo()
    token = granted(http, "etl", secret)["access_token"]
    assert http.get("/v1/config", headers=bearer(token)).status_code == 200
    clients.remove("etl")
    assert http.get("/v1/config", headers=bearer(token)).status_code == 401
    clients.add("etl", Scope.READER)
    assert http.get("/v1/config", headers=bearer(token)).status_code == 401


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(min_value=0), letter=st.sampled_from("abcdefgh01234567-_."))
def test_a_changed_token_is_worth_nothing(clients, at, letter):
    """No change of any character leaves a token valid."""
    if clients.get("etl") is None:
        clients.add("etl", Scope.READER)
    tokens = Tokens(clients, b"key")
    token = tokens.issue("etl", clients.get("etl").id, Scope.READER)
    assert tokens.check(token) == ("etl", Scope.READER)
    at %= len(token)
    changed = token[:at] + letter + token[at + 1 :]
    assert changed == token or tokens.check(changed) is None


def test_a_token_outlives_the_server(tmp_path, clients, http):
    """A server that was started again knows the tokens of before, and so does one beside it."""
    token = granted(http, "etl", clients.add("etl", Scope.READER))["access_token"]
    with CatalogSession.open(tmp_path, gate=gate_of(tmp_path)) as other:
        answer = httpx.get(f"{other.endpoint.uri}/v1/config", headers=bearer(token), trust_env=False)
        assert answer.status_code == 200
    with CatalogSession.open(tmp_path) as private:
        answer = httpx.get(f"{private.endpoint.uri}/v1/config", headers=bearer(token), trust_env=False)
        assert answer.status_code == 401


def test_a_token_of_another_lake_is_refused(tmp_path, clients, http):
    """A client of the same name elsewhere does not come in here."""
    clients.add("etl", Scope.ADMIN)
    other = tmp_path / "other"
    LocalKeyStore.create(other / "keys")
    secret = clients_of(other).add("etl", Scope.ADMIN)
    with CatalogSession.open(other, gate=gate_of(other)) as elsewhere:
        with httpx.Client(base_url=elsewhere.endpoint.uri, trust_env=False) as there:
            token = granted(there, "etl", secret)["access_token"]
        assert http.get("/v1/config", headers=bearer(token)).status_code == 401


def test_guessing_is_slowed_and_locks_out_only_who_is_guessed(http, clients):
    """After some failures a name must wait; other names and tokens already given are not touched."""
    mine, other = clients.add("etl", Scope.READER), clients.add("dash", Scope.READER)
    token = granted(http, "etl", mine)["access_token"]
    codes = [http.post(TOKENS, data=form("etl", str(guess))).status_code for guess in range(15)]
    assert codes == [401] * 10 + [429] * 5
    waiting = http.post(TOKENS, data=form("etl", mine))
    assert waiting.status_code == 429
    assert int(waiting.headers["retry-after"]) > 0
    granted(http, "dash", other)
    assert http.get("/v1/config", headers=bearer(token)).status_code == 200


def test_failures_are_forgiven_with_time():
    """Ten failures at once are let pass, after that one each six seconds."""
    now = [0.0]
    throttle = Throttle(burst=10, seconds=6.0, clock=lambda: now[0])
    for _ in range(10):
        assert throttle.wait("a") == 0
        throttle.failed("a")
    assert throttle.wait("a") == 6
    assert throttle.wait("b") == 0
    now[0] = 6.0
    assert throttle.wait("a") == 0


def test_secrets_are_kept_nowhere(tmp_path, clients):
    """No file holds a secret; a client's file is its owner's alone, and worthless without the keys."""
    secret = clients.add("etl", Scope.ADMIN)
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert not [each for each in files if secret.encode() in each.read_bytes()]
    assert stat.S_IMODE((tmp_path / "clients").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "clients" / "etl.json").stat().st_mode) == 0o600
    copy = tmp_path / "copy"
    LocalKeyStore.create(copy / "keys")
    (tmp_path / "clients").rename(copy / "clients")
    assert clients_of(copy).authenticate("etl", secret) is None


def test_a_client_file_that_others_could_change_is_not_trusted(http, tmp_path, clients):
    """Where others can reach a client's file, nobody gets in by it, and the operator is told."""
    secret = clients.add("etl", Scope.ADMIN)
    (tmp_path / "clients" / "etl.json").chmod(0o666)
    with pytest.raises(OperatorError, match="cannot be trusted"):
        clients_of(tmp_path).get("etl")
    assert http.post(TOKENS, data=form("etl", secret)).status_code == 500


@pytest.mark.parametrize("name", ["", "A", "-a", "a:b", "../a", "a/b", "a" * 64, "\u00e4", "a\n"])
def test_names_that_are_no_file_names_are_refused(clients, name):
    """A client's name is a plain word, so that it can be neither a path nor split a credential."""
    with pytest.raises(UsageError):
        clients.add(name, Scope.READER)
    with pytest.raises(UsageError):
        clients.remove(name)
    assert clients.all() == {}


def test_of_many_that_add_a_name_one_wins(tmp_path, clients):
    """A name is given once, however many ask for it at the same time."""
    won = []

    def add():
        try:
            won.append(clients_of(tmp_path).add("etl", Scope.READER))
        except UsageError:
            return

    threads = [threading.Thread(target=add) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(won) == 1
    assert clients.authenticate("etl", won[0]) is not None
    assert [each.name for each in (tmp_path / "clients").iterdir()] == ["etl.json"]


def test_pyiceberg_comes_by_client_credentials(session, clients):
    """PyIceberg gets a token, renews it when it has expired, and is told what is denied."""
    secret = clients.add("etl", Scope.WRITER)
    client = _pyiceberg(session, f"etl:{secret}")
    client.create_namespace("silver")
    assert client.list_namespaces() == [("silver",)]
    with pytest.raises(ForbiddenError, match="needs scope admin"):
        client.drop_namespace("silver")
    client.close()
    with pytest.raises(OAuthError, match="invalid_client"):
        _pyiceberg(session, "etl:wrong")


def test_clients_renew_their_tokens(session, clients, monkeypatch):
    """With a token that has expired PyIceberg and DuckDB fetch the next one by themselves."""
    monkeypatch.setattr(_tokens, "LIFETIME_SECONDS", 1)
    monkeypatch.setattr(_oauth, "LIFETIME_SECONDS", 1)
    secret = clients.add("etl", Scope.WRITER)
    client = _pyiceberg(session, f"etl:{secret}")
    client.create_namespace("silver")
    duck = _duckdb(session, secret)
    threading.Event().wait(1.2)
    assert client.list_namespaces() == [("silver",)]
    duck.execute("CREATE TABLE lake.silver.visit (a INT); INSERT INTO lake.silver.visit VALUES (1)")
    threading.Event().wait(1.2)
    assert duck.sql("SELECT a FROM lake.silver.visit").fetchall() == [(1,)]
    duck.close()
    client.close()


def _pyiceberg(session, credential):
    uri = session.endpoint.uri
    return RestCatalog("lake", uri=uri, credential=credential, **{"oauth2-server-uri": f"{uri}{TOKENS}"})


def _duckdb(session, secret):
    duck = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        folder = Path(next(iter(importlib.import_module(f"duckdb_extension_{name}").__path__)))
        duck.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    uri = session.endpoint.uri
    duck.execute(
        f"CREATE SECRET a360 (TYPE iceberg, CLIENT_ID 'etl', CLIENT_SECRET '{secret}', "
        f"OAUTH2_SERVER_URI '{uri}{TOKENS}'); "
        f"ATTACH 'lake' AS lake (TYPE iceberg, ENDPOINT '{uri}', SECRET a360)"
    )
    return duck


def test_the_operators_token_does_everything(http, clients):
    """The token of `catalog serve` is an admin's, and no client's."""
    headers = bearer("operator")
    assert http.post("/v1/namespaces", json={"namespace": ["x"]}, headers=headers).status_code == 200
    assert http.delete("/v1/namespaces/x", headers=headers).status_code == 204


def test_a_lake_without_keys_has_no_clients(tmp_path):
    """Where there is no key store, no token is given to anyone."""
    with CatalogSession.open(tmp_path, gate=gate_of(tmp_path)) as session:
        answer = httpx.post(f"{session.endpoint.uri}{TOKENS}", data=form("a", "b"), trust_env=False)
        assert answer.status_code == 401
    assert json.loads(answer.text)["error"]["code"] == 401
