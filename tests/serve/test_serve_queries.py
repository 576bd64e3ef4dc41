"""Queries over HTTP: what is answered, in which form, and what ends them."""

import asyncio
import csv
import io
import json
import time
import uuid

import httpx
import pyarrow as pa
import pytest
from guarded import CANARY

from a360.serve import _answer as answer_module
from a360.serve._answer import BrokenOffError
from a360.serve._edge import MOST_BODY_BYTES
from a360.trust.gateway import Gateway

ROWS = "SELECT name, visits, birth_date, seen_at FROM silver.patient ORDER BY name"
LONG = "SELECT sum(a.range * b.range) AS n FROM range(1000000) a, range(1000000) b"
ARROW = "application/vnd.apache.arrow.stream"


def test_all_formats_tell_the_same_rows(house):
    """JSON, lines of JSON, CSV and Arrow hold the same rows, those that the policy shows."""
    text = house.query(ROWS).json()
    assert [each["name"] for each in text] == ["Ann 0", "Ann 1", "Ann 2"]
    lines = [json.loads(line) for line in house.query(ROWS, accept="application/x-ndjson").text.splitlines()]
    table = pa.ipc.open_stream(house.query(ROWS, accept=ARROW).content).read_all()
    cells = list(csv.DictReader(io.StringIO(house.query(ROWS, accept="text/csv").text)))
    assert lines == text
    assert list(map(str, table["birth_date"].to_pylist())) == [each["birth_date"] for each in text]
    assert [(each["name"], int(each["visits"])) for each in cells] == [
        (each["name"], each["visits"]) for each in text
    ]


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/*", "text/csv"),
        ("text/html, text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("TEXT/CSV", "text/csv"),
        (f"{ARROW}, */*;q=0.1", ARROW),
        ("application/json;q=0", None),
        ("image/png", None),
        ("text/csv;q=x", None),
    ],
)
def test_accept_says_the_format(house, accept, told):
    """The format is the one that the client likes best; where there is none of its own, it is told."""
    answer = house.query("SELECT 1 AS a", accept=accept)
    if told is None:
        assert answer.status_code == 406
    else:
        assert answer.headers["content-type"].partition(";")[0] == told


def test_a_url_is_enough_for_csv(house):
    """A tool that only knows URLs gets CSV, with the purpose of its token or of the URL."""
    answer = house.ask("GET", "/v1/query", house.api_token(), params={"sql": ROWS})
    assert answer.text.startswith('"name","visits"')
    asked = {"sql": ROWS, "purpose": "research"}
    assert house.ask("GET", "/v1/query", house.api_token(), params=asked).status_code == 403
    misspelt = {"sql": ROWS, "purposes": "treatment"}
    assert house.ask("GET", "/v1/query", house.api_token(), params=misspelt).status_code == 400


@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("SELECT salary FROM gold.payroll", 403),
        ("SELECT ssn FROM silver.patient", 400),
        ("SELECT * FROM read_csv('/etc/passwd')", 403),
        ("DELETE FROM silver.patient", 403),
        ("SELEC", 403),
        ("SELECT CAST(name AS INT) FROM silver.patient", 422),
    ],
)
def test_refusals_are_problems_without_what_is_hidden(house, sql, status):
    """What the gateway refuses is told as a problem of its code, and tells nothing that is hidden."""
    answer = house.query(sql)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert told["type"].startswith("docs/errors.md#")
    assert told["status"] == status
    assert CANARY not in answer.text
    assert "Ann" not in answer.text


def test_tables_are_those_of_which_something_is_seen(house):
    """The list has the visible tables, columns and masks for a purpose, and is on record."""
    found = {each["name"]: each for each in house.ask("GET", "/v1/tables", house.api_token()).json()}
    assert set(found) == {"silver.patient", "silver.visit", "ops.quality_result"}
    masks = {each["name"]: each["mask"] for each in found["silver.patient"]["columns"]}
    assert masks["zip"] == "zip3"
    assert not {"ssn", "balance"} & set(masks)
    assert house.events("describe")[-1][:2] == ("nurse", "allowed")
    assert house.ask("GET", "/v1/tables?purpose=research", house.api_token()).json() == []


def test_an_old_state_is_read_under_the_policy_of_now(house):
    """`at` reads a snapshot of before, and shows no row of it that is hidden now."""
    asked = {"at": house.lake.old_snapshot}
    assert house.query("SELECT count(*) AS n FROM silver.patient", **asked).json() == [{"n": 3}]


def test_what_is_asked_is_on_record_with_its_address(house):
    """The records of a query bear its id and the address that asked."""
    identity = uuid.uuid4().hex
    answer = house.query("SELECT 1 AS a", id=identity)
    assert answer.headers["a360-query-id"] == identity
    events = [json.loads(line)["event"] for line in house.lake.records().splitlines()]
    found = [each for each in events if each.get("request") == identity]
    assert [each["outcome"] for each in found] == ["allowed", "done"]
    assert {each["source"] for each in found} == {"192.0.2.1"}


def during(house, act, secret=None, sql=LONG, identity=None):
    """What becomes of a query while something else happens: its answer, and what came of that."""
    secret = secret or house.api_token()

    async def both():
        async with house.client(secret, timeout=30) as client:
            asked = client.post("/v1/query", json={"sql": sql, "id": identity or uuid.uuid4().hex})
            task = asyncio.create_task(asked)
            await asyncio.sleep(0.5)
            done = await act(task)
            return await asyncio.gather(task, return_exceptions=True), done

    [[answer], done] = asyncio.run(both())
    return answer, done


def ended(house, identity):
    """The last record of a query."""
    events = [json.loads(line)["event"] for line in house.lake.records().splitlines()]
    return [each["outcome"] for each in events if each.get("request") == identity][-1]


def test_one_stops_ones_own_query(house):
    """A query that is stopped ends at once, with a problem for who asked it; it frees its id."""
    identity = uuid.uuid4().hex

    async def stop(_):
        async with house.client(house.api_token()) as client:
            return await client.delete(f"/v1/queries/{identity}")

    answer, stopped = during(house, stop, identity=identity)
    assert stopped.status_code == 204
    assert answer.status_code == 403
    assert "cancelled" in answer.json()["detail"]
    assert house.ask("DELETE", f"/v1/queries/{identity}", house.api_token()).status_code == 404


def test_nobody_stops_anothers_query(house):
    """To others a query that runs is none, and it runs on."""
    identity, sql = uuid.uuid4().hex, "SELECT count(*) AS n FROM range(300000000) a WHERE a.range % 3 = 1"

    async def stop(_):
        async with house.client(house.api_token("owner")) as client:
            return await client.delete(f"/v1/queries/{identity}")

    answer, stopped = during(house, stop, identity=identity, sql=sql)
    assert stopped.status_code == 404
    assert (answer.status_code, answer.json()) == (200, [{"n": 100000000}])


async def by_hand(house, identity, sql, send, gone=None):
    """A query as a server hands it to the application, with a client that takes the answer as it likes."""
    messages = [{"type": "http.request", "body": json.dumps({"sql": sql, "id": identity}).encode()}]

    async def receive():
        if messages:
            return messages.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    token = f"Bearer {house.api_token()}".encode()
    headers = [(b"authorization", token), (b"content-type", b"application/json")]
    route = {"type": "http", "method": "POST", "path": "/v1/query", "query_string": b""}
    await house.app({**route, "headers": headers, "client": ("192.0.2.1", 1)}, receive, send)


def test_a_client_that_goes_away_ends_its_query(house):
    """A query whose client is gone does not run on, and its end is on record."""
    identity = uuid.uuid4().hex

    async def request():
        gone = asyncio.Event()
        task = asyncio.create_task(by_hand(house, identity, LONG, _taken, gone))
        await asyncio.sleep(0.5)
        gone.set()
        await asyncio.wait_for(task, 5)

    asyncio.run(request())
    assert ended(house, identity) in {"denied", "failed"}


def until_it_ends(house, identity):
    """Wait until the second record of a query is there."""
    late = time.monotonic() + 10
    while house.lake.records().count(identity) < 2:
        assert time.monotonic() < late
        time.sleep(0.05)


async def _taken(_):
    """Take all that is sent."""


def test_who_reads_slowly_holds_no_query(house):
    """A query ends when its rows are computed, though its client has taken nothing of them yet."""
    identity = uuid.uuid4().hex

    async def request():
        read, parts = asyncio.Event(), []

        async def send(message):
            await read.wait()
            parts.append(message)

        sql = "SELECT repeat('x', 1000) AS a FROM range(1000)"
        task = asyncio.create_task(by_hand(house, identity, sql, send))
        await asyncio.to_thread(until_it_ends, house, identity)
        held = len(parts)
        read.set()
        await task
        return held, b"".join(each.get("body", b"") for each in parts)

    held, body = asyncio.run(request())
    assert held == 0
    assert ended(house, identity) == "done"
    assert len(json.loads(body)) == 1000


def test_who_reads_nothing_is_cut_off(house, monkeypatch):
    """A large answer of which nothing is taken for a while is broken off, and its query ends."""
    monkeypatch.setattr(answer_module, "_READ_SECONDS", 0.3)
    identity, sql = uuid.uuid4().hex, "SELECT repeat('x', 1000) AS a FROM range(20000)"

    async def never(_):
        await asyncio.Event().wait()

    with pytest.raises(BrokenOffError):
        asyncio.run(by_hand(house, identity, sql, never))
    assert ended(house, identity) == "failed"


def test_an_answer_that_breaks_off_is_not_taken_for_whole(house):
    """Where an error comes after rows were told, the connection breaks: nobody takes the rest for the end."""
    number = "CAST(CASE WHEN a.range < 400000 THEN '1' ELSE 'x' || a.range END AS INT)"
    sql = f"SELECT repeat('x', 1000) AS x, {number} AS n FROM range(500000) a"
    secret = house.api_token()

    async def request():
        transport = httpx.ASGITransport(house.app, raise_app_exceptions=True, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://lake.example") as client:
            headers = {"Authorization": f"Bearer {secret}", "Accept": ARROW}
            await client.post("/v1/query", json={"sql": sql}, headers=headers, timeout=30)

    with pytest.raises(Exception, match="engine-failed"):
        asyncio.run(request())


@pytest.mark.parametrize("user", ["nurse", "owner"])
@pytest.mark.parametrize(
    "computed",
    ["CAST(name AS INT)", "CAST(name AS DATE)", "9223372036854775807 + length(name)", "strptime(name, '%Y')"],
)
def test_a_value_that_does_not_fit_is_no_fault_of_the_server(house, user, computed):
    """A query that fails on a value is the asker's to mend, and the answer does not tell the value."""
    answer = house.query(f"SELECT {computed} AS n FROM silver.patient", house.api_token(user))
    assert (answer.status_code, answer.json()["type"]) == (422, "docs/errors.md#engine-failed")
    assert "try_cast" in answer.text
    assert "Ann" not in answer.text


@pytest.mark.parametrize("hidden", ["clinic <> 'north'", "visits > 1000"])
def test_no_hidden_row_makes_a_query_fail(house, hidden):
    """What would fail on hidden rows alone does not: whether it does would tell of them."""
    sql = f"SELECT sum(CASE WHEN {hidden} THEN CAST(name AS INT) ELSE 1 END) AS n FROM silver.patient"
    assert house.query(sql).json() == [{"n": 3}]


def test_a_principal_has_so_many_queries_under_way(house, monkeypatch):
    """Who asks more at once than may wait is told to come back, and others are answered meanwhile."""
    began = asyncio.Event()
    real = Gateway.query

    async def flood():
        hold = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(self, principal, sql, **more):
            if principal.name == "nurse":
                loop.call_soon_threadsafe(began.set)
                asyncio.run_coroutine_threadsafe(hold.wait(), loop).result(20)
            return real(self, principal, sql, **more)

        monkeypatch.setattr(Gateway, "query", slow)
        async with house.client(house.api_token(), timeout=30) as client:
            tasks = [
                asyncio.create_task(client.post("/v1/query", json={"sql": "SELECT 1"})) for _ in range(30)
            ]
            await began.wait()
            await asyncio.sleep(0.5)
            refused = [task.result().status_code for task in tasks if task.done()]
            async with house.client(house.api_token("owner")) as other:
                meanwhile = (await other.post("/v1/query", json={"sql": "SELECT 1"})).status_code
            hold.set()
            return refused, meanwhile, [each.status_code for each in await asyncio.gather(*tasks)]

    refused, meanwhile, all_of_them = asyncio.run(flood())
    assert refused == [429] * 6
    assert meanwhile == 200
    assert all_of_them.count(200) == 24


def test_an_emergency_shows_what_its_rule_shows(house):
    """Who declares an emergency sees what its rule shows, in queries that name it, and nobody else does."""
    told = {"rule": "emergency_care", "reason": "unconscious, allergies unknown", "purpose": "treatment"}
    count, nurse, robot = (
        "SELECT count(*) AS n FROM silver.patient",
        house.api_token(),
        house.api_token("robot"),
    )
    assert house.query(count, nurse, emergency="emergency_care").status_code == 403
    assert house.ask("POST", "/v1/emergencies", robot, json=told).status_code == 403
    declared = house.ask("POST", "/v1/emergencies", nurse, json=told)
    assert (declared.status_code, declared.json()["rule"]) == (201, "emergency_care")
    assert house.query(count, nurse, emergency="emergency_care").json() == [{"n": 6}]
    assert house.query(count, nurse).json() == [{"n": 3}]
    assert house.query(count, robot, emergency="emergency_care").status_code == 403


@pytest.mark.parametrize(("user", "outcome"), [("nurse", "allowed"), ("robot", "denied")])
def test_an_emergency_is_on_record_with_the_address_that_declared_it(house, user, outcome):
    """Whether it may be declared or not, a review knows from where it was."""
    told = {"rule": "emergency_care", "reason": "unconscious", "purpose": "treatment"}
    house.ask("POST", "/v1/emergencies", house.api_token(user), "192.0.2.77", json=told)
    records = [json.loads(line)["event"] for line in house.lake.records().splitlines()]
    found = [each for each in records if each.get("source") == "192.0.2.77" and each["principal"] == user]
    declared = [each["outcome"] for each in found if each["action"] == "break-glass"]
    assert declared == [outcome]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "POST", "path": "/v1/query", "content": b"x" * (MOST_BODY_BYTES + 1)}, 413),
        ({"method": "POST", "path": "/v1/query", "headers": {"Content-Length": "-1"}}, 413),
        ({"method": "POST", "path": "/v1/query", "content": b"{"}, 400),
        ({"method": "POST", "path": "/v1/query", "json": {"sql": "SELECT 1", "principal": "owner"}}, 400),
        ({"method": "POST", "path": "/v1/query", "json": {"sql": ["SELECT 1"]}}, 400),
        ({"method": "POST", "path": "/v1/query?purpose=research", "json": {"sql": "SELECT 1"}}, 400),
        ({"method": "GET", "path": "/v1/query", "params": {"sql": "x" * 9000}}, 414),
        ({"method": "GET", "path": "/v1/nothing"}, 404),
        ({"method": "PATCH", "path": "/v1/query"}, 405),
        ({"method": "DELETE", "path": "/v1/queries/../../etc"}, 404),
        ({"method": "DELETE", "path": "/v1/queries/x"}, 400),
    ],
)
def test_what_is_no_request_is_refused(house, request_, status):
    """A request that is too large, unfit or for nothing that is there gets a problem that quotes nothing."""
    answer = house.ask(secret=house.api_token(), **request_)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert "xxxx" not in answer.text


@pytest.mark.parametrize(
    "path", ["/v1/tables", "/v1/query?sql=SELECT%201", "/v1/openapi.json", "/v1/session"]
)
def test_nothing_is_told_to_strangers(house, path):
    """Without credentials every route is refused; that requests are answered is all there is to know."""
    assert house.ask("GET", path).status_code == 401
    health = house.ask("GET", "/healthz")
    assert (health.status_code, health.content) == (204, b"")
    assert house.ask("GET", "/docs").status_code == house.ask("GET", "/openapi.json").status_code == 404


def test_answers_bear_the_headers_that_protect_them(house):
    """No answer is cached, sniffed, framed or readable by pages of other sites."""
    evil = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        house.query("SELECT 1 AS a"),
        house.ask("GET", "/v1/nothing"),
        house.ask("OPTIONS", "/v1/query", headers=evil),
        house.ask("GET", "/v1/session", house.api_token(), headers=evil),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers


def test_a_fault_of_ours_is_told_without_its_text(house, monkeypatch):
    """What goes wrong inside may quote a row: nobody is told more than that it did."""

    def broken(*_, **__):
        raise RuntimeError(CANARY)

    monkeypatch.setattr(Gateway, "query", broken)
    answer = house.query("SELECT 1")
    assert answer.status_code == 500
    assert CANARY not in answer.text
