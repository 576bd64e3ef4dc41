"""A small lake behind its gateway, with values that only hidden rows, columns, tables and files hold."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from a360.catalog import CatalogSession, CommitStamp
from a360.contract import (
    BudgetPlan,
    ColumnPlan,
    FilterPlan,
    GrantPlan,
    LakePlan,
    MaskPlan,
    PolicyPlan,
    RolePlan,
    TablePlan,
)
from a360.engine.duckdb import DuckDBEngine
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.table import Tables, new_commit_id
from a360.trust.audit import LocalAuditLog
from a360.trust.gateway import Gateway
from a360.trust.policy import Policy, Principal

CANARY = "CANARY"
"""Every text that a restricted principal must never see holds it, and hidden numbers are like the next."""
SECRET_NUMBER = 987_654_321

SEEN = Principal("nurse", roles=("clinician",), attributes={"clinic": "north"})
ALL = Principal("owner", roles=("engineer",))
NONE = Principal("visitor", roles=("guest",))

_OPERATIONAL = "operational"
_TABLES = {
    "silver.patient": (
        ("patient_key", "string", "identifier", "patient"),
        ("name", "string", "phi", None),
        ("clinic", "string", _OPERATIONAL, None),
        ("zip", "string", "phi", None),
        ("birth_date", "date", "phi", None),
        ("visits", "long", _OPERATIONAL, None),
        ("score", "long", _OPERATIONAL, None),
        ("seen_at", "timestamptz", _OPERATIONAL, None),
        ("ssn", "string", "identifier", None),
        ("balance", "long", "secret", None),
    ),
    "silver.visit": (
        ("visit_id", "string", _OPERATIONAL, None),
        ("patient_key", "string", _OPERATIONAL, "patient"),
        ("clinic", "string", _OPERATIONAL, None),
        ("reason", "string", "phi", None),
    ),
    "gold.payroll": (("person", "string", "secret", None), ("salary", "long", "secret", None)),
    "ops.quality_result": (("dataset", "string", _OPERATIONAL, None), ("example", "string", "secret", None)),
}


def _plan(budgets):
    tables = tuple(
        TablePlan(
            dataset.split(".")[0],
            dataset.split(".")[1],
            tuple(
                ColumnPlan(name, kind, required=False, field_id=number, sensitivity=level, token=token)
                for number, (name, kind, level, token) in enumerate(columns, 1)
            ),
        )
        for dataset, columns in _TABLES.items()
    )
    return LakePlan(
        name="guarded", environment="local", zones=(), tables=tables, steps=(), policy=_policy(budgets)
    )


def _columns(dataset, *levels):
    return tuple(f"{dataset}.{name}" for name, _, level, _ in _TABLES[dataset] if level in levels)


def _policy(budgets):
    every = ("public", _OPERATIONAL, "phi", "identifier", "secret")
    some = every[:4]
    whole = tuple(column for dataset in _TABLES for column in _columns(dataset, *every))
    part = tuple(
        column
        for dataset in ("silver.patient", "silver.visit")
        for column in _columns(dataset, *some)
        if not column.endswith(".ssn")
    ) + _columns("ops.quality_result", _OPERATIONAL)
    return PolicyPlan(
        purposes=("treatment",),
        roles=tuple(
            RolePlan(role, ("treatment",), budget=budgets.get(role, BudgetPlan()))
            for role in ("clinician", "engineer", "guest")
        ),
        grants=(
            GrantPlan("whole", ("select",), tuple(_TABLES), every, columns=whole, role="engineer"),
            GrantPlan(
                "part", ("select",), ("silver.patient", "silver.visit"), some, columns=part, role="clinician"
            ),
        ),
        filters=(FilterPlan("own", ("clinician",), ("silver.patient", "silver.visit"), "clinic = :clinic"),),
        masks=(
            MaskPlan("key", ("clinician",), ("silver.patient.patient_key",), "hash"),
            MaskPlan("born", ("clinician",), ("silver.patient.birth_date",), "year"),
            MaskPlan("area", ("clinician",), ("silver.patient.zip",), "zip3"),
            MaskPlan("when", ("clinician",), ("silver.patient.seen_at",), "date_shift"),
        ),
    )


def _patients():
    rows = [
        {
            "patient_key": f"KEY-{CANARY}-{number}",
            "name": f"Ann {number}" if north else f"{CANARY}-name-{number}",
            "clinic": "north" if north else f"{CANARY}-south",
            "zip": f"6062{number}",
            "birth_date": date(1980 + number, 3, 17),
            "visits": number if north else SECRET_NUMBER,
            "score": number if north else 0,
            "seen_at": datetime(2026, 1, 1 + number, 12, tzinfo=UTC),
            "ssn": f"{CANARY}-ssn-{number}",
            "balance": SECRET_NUMBER + number,
        }
        for number, north in enumerate([True, True, True, False, False, False])
    ]
    return pa.Table.from_pylist(rows)


def _visits():
    return pa.Table.from_pylist(
        [
            {
                "visit_id": f"v{number}",
                "patient_key": f"p{number}",
                "clinic": "north" if number < 4 else f"{CANARY}-south",
                "reason": "check" if number < 4 else f"{CANARY}-reason",
            }
            for number in range(8)
        ]
    )


@dataclass
class Guarded:
    """The lake, its gateway, and what leaves traces."""

    folder: Path
    tables: Tables
    gateway: Gateway
    audit: LocalAuditLog
    plan: LakePlan
    policy: Policy
    old_snapshot: str
    restricted: Principal = SEEN

    def ask(self, sql, principal=SEEN, **more):
        """The answer as rows."""
        return self.gateway.query(principal, sql, purpose="treatment", **more).table().to_pylist()

    def records(self):
        """The audit log as text."""
        return "".join(path.read_text() for path in sorted((self.folder / "audit").glob("*.jsonl")))


@contextmanager
def guarded(folder, *, budgets=None):
    """Make the lake and open it."""
    (folder / "audit").mkdir(mode=0o700)
    (folder / f"{CANARY}.txt").write_text(f"{CANARY} in a file")
    keys = LocalKeyStore.create(folder / "keys")
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
    plan = _plan(budgets or {"clinician": BudgetPlan(seconds=20, memory_bytes=256_000_000)})
    policy = Policy(plan)
    with CatalogSession.open(folder) as catalog, Tables(catalog, engine) as tables:
        for table in plan.tables:
            tables.create(table)
        stamp = lambda: CommitStamp(new_commit_id())  # noqa: E731 - one word for five places
        old = tables.append("silver.patient", _patients().slice(0, 5), stamp())
        tables.append("silver.patient", _patients().slice(5), stamp())
        tables.append("silver.visit", _visits(), stamp())
        tables.append(
            "gold.payroll", pa.table({"person": [f"{CANARY}-person"], "salary": [SECRET_NUMBER]}), stamp()
        )
        tables.append(
            "ops.quality_result",
            pa.table({"dataset": ["silver.patient"], "example": [f"{CANARY}-example"]}),
            stamp(),
        )
        with (
            LocalAuditLog.open(folder / "audit", keys) as audit,
            Gateway(
                plan,
                tables,
                policy,
                audit,
                LocalTokenizer(keys),
                open_session=lambda: engine.session(catalog),
            ) as gateway,
        ):
            yield Guarded(folder, tables, gateway, audit, plan, policy, str(old.snapshot_id))
