"""What the policy decides is what the gateway shows: consents, several roles and masks over a real table."""

from datetime import UTC, date, datetime
from itertools import product
from random import Random

import policy_worlds as worlds
import pyarrow as pa
import pytest

from a360.catalog import CatalogSession, CommitStamp
from a360.contract import ColumnPlan, TablePlan
from a360.engine.duckdb import DuckDBEngine
from a360.errors import DeniedError
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.table import Tables, new_commit_id
from a360.trust.audit import LocalAuditLog
from a360.trust.gateway import Gateway
from a360.trust.policy import Policy, Principal

ROWS = [
    {"f1": f1, "f2": f2, "f3": f3, "given": given, "taken": taken}
    for f1, f2, f3, (given, taken) in product((0, 1), (0, 1), "ab", ((0, 0), (1, 0), (1, 1)))
]
BORN = date(1987, 5, 6)
SEEDS = 6
CONSENT = TablePlan(
    "silver",
    "consent",
    tuple(
        ColumnPlan(name, type_, required=False, field_id=number, sensitivity="phi")
        for number, (name, type_) in enumerate(
            {"patient_key": "string", "status": "string", "code": "string", "until": "timestamptz"}.items(), 1
        )
    ),
)


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A table with a row for each world, consents beside it, and a way to ask for it under any policy."""
    folder = tmp_path_factory.mktemp("door")
    (folder / "audit").mkdir(mode=0o700)
    keys = LocalKeyStore.create(folder / "keys")
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=1)
    seen = next(table for table in worlds.plan_of(Random(0), worlds.document(Random(0))).tables)
    until = datetime(2999, 1, 1, tzinfo=UTC)
    consents = [
        {"patient_key": f"p{n}", "status": status, "code": purpose, "until": until}
        for n, row in enumerate(ROWS)
        for status in ["active"] * row["given"] + ["stopped"] * row["taken"]
        for purpose in worlds.PURPOSES
    ]
    patients = [
        {"patient_key": f"p{n}", "f1": row["f1"], "f3": row["f3"], "born": BORN, "f2": row["f2"]}
        for n, row in enumerate(ROWS)
    ]
    with CatalogSession.open(folder) as catalog, Tables(catalog, engine) as tables:
        for table, rows in ((seen, patients), (CONSENT, consents)):
            tables.create(table)
            tables.append(table.dataset, pa.Table.from_pylist(rows), CommitStamp(new_commit_id()))
        with LocalAuditLog.open(folder / "audit", keys) as audit:

            def ask(plan, request):
                gateway = Gateway(
                    plan,
                    tables,
                    Policy(plan),
                    audit,
                    LocalTokenizer(keys),
                    open_session=lambda: engine.session(catalog),
                )
                who = Principal(request.user, request.roles, request.groups, request.attributes)
                with gateway:
                    result = gateway.query(who, "SELECT * FROM silver.seen", purpose=request.purpose)
                    return result.table().to_pylist()

            yield ask


def cases():
    """Policies under which the table shows differently from row to row."""
    for seed in range(10_000):
        random = Random(seed)
        file = worlds.document(random)
        plan = worlds.plan_of(random, file)
        request = worlds.request_of(random, file)
        who = Principal(request.user, request.roles, request.groups, request.attributes)
        decision = Policy(plan).decide(who, "select", "silver.seen", purpose=request.purpose)
        if (
            request.emergency is None
            and decision.reads
            and any(each.cells for each in decision.columns.values())
        ):
            yield file, plan, request


def masked(form, value):
    """A value as it shows, as far as that can be told without a key."""
    if form == "clear":
        return value
    of_dates = {"age_band": date(1980, 1, 1), "year": date(1987, 1, 1)} if isinstance(value, date) else {}
    return {"redact": "REDACTED", "last4": "****", "age_band": 0, **of_dates}.get(form)


def test_the_gateway_shows_what_the_document_says(door):
    """Row by row and cell by cell a query gives what an oracle reads in the document."""
    found = cases()
    for file, plan, request in (next(found) for _ in range(SEEDS)):
        table = plan.table("silver.seen")
        expected = []
        for n, row in enumerate(ROWS):
            told = {**row, "patient_key": f"p{n}", "born": BORN}
            cells = {each.name: worlds.shown(file, table, each, request, row) for each in table.columns}
            if any(form != "hidden" for form in cells.values()):
                expected.append({name: (form, told[name]) for name, form in cells.items()})
        try:
            shown = door(plan, request)
        except DeniedError:
            shown = []
        by_key = lambda each: repr(sorted(each.items(), key=repr))  # noqa: E731 - for both sides
        keyed = {"hash", "date_shift"}
        assert len(shown) == len(expected) > 0
        visible = set(shown[0]) if shown else set()
        plain = {name for name in visible if not any(row[name][0] in keyed for row in expected)}
        assert sorted(({name: row[name] for name in plain} for row in shown), key=by_key) == sorted(
            (
                {name: None if row[name][0] == "hidden" else masked(*row[name]) for name in plain}
                for row in expected
            ),
            key=by_key,
        )
        assert all(name in visible for row in expected for name, (form, _) in row.items() if form != "hidden")
