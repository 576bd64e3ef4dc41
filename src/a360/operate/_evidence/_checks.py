"""What is looked at in a lake: each look proves something of this lake, and can be had where no tests are.

What a look finds is told without paths, names and values: it is going to be read elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Final, Literal, Protocol, get_args

from a360._progress import Progress
from a360.contract import (
    EXAMPLES_FILE,
    Action,
    LakePlan,
    TablePlan,
    quote_name,
    quote_table,
    quote_text,
    read_examples,
)
from a360.errors import A360Error
from a360.operate._doctor._check import DoctorCheck
from a360.operate._doctor._folder import private_checks
from a360.operate._doctor._trust import anchor_checks, worker_checks
from a360.operate._folder import LakeFolder
from a360.protect import PERSON_TYPES
from a360.settings import Settings
from a360.table import Damage, Tables
from a360.trust.audit import Search, search
from a360.trust.erasure import Journals
from a360.trust.policy import NOBODY, Policy, policy_on_record, run_example

type Outcome = Literal["passed", "failed", "not run"]

_COPY_AGE: Final = timedelta(days=31)
_TOKEN: Final = "[0-9a-f]{32}"  # noqa: S105 -- what one looks like
# The first four bytes of what is sealed: magic and version.
_SEALED: Final = "41335301"


class Verified(Protocol):
    """What reading a lake's files again has shown."""

    @property
    def known(self) -> int:
        """The files that commits have brought."""
        ...

    @property
    def files(self) -> int:
        """Those of them that were read."""
        ...

    @property
    def damage(self) -> Sequence[Damage]:
        """What is not what was committed or recorded."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """The lake that is looked at. `tables` and `verified` are asked for when they are needed."""

    path: Path
    contracts: Path
    settings: Settings
    plan: LakePlan
    tables: Callable[[], Tables]
    verified: Callable[[], Verified]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one look or test came out."""

    outcome: Outcome
    found: str
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """A look at a lake, and what is true where it passes."""

    says: str
    look: Callable[[Subject], Finding]


def run_checks(
    subject: Subject, names: Sequence[str], progress: Progress | None = None
) -> dict[str, Finding]:
    """Look at a lake; a look that breaks off has failed, and the others go on."""
    found = {}
    for number, name in enumerate(names):
        if progress:
            progress("checks", name, number, len(names))
        begun = monotonic()
        outcome = _looked(CHECKS[name], subject)
        found[name] = Finding(outcome.outcome, outcome.found, round((monotonic() - begun) * 1000))
    return found


def _looked(check: Check, subject: Subject) -> Finding:
    try:
        return check.look(subject)
    except A360Error as error:
        return Finding("failed", error.what)
    except Exception as error:  # noqa: BLE001 -- what cannot be looked at proves nothing, whatever the reason
        return Finding("failed", f"could not be looked at: {type(error).__name__}")


def _judged(passed: bool, found: str) -> Finding:  # noqa: FBT001 -- the one thing it is about
    return Finding("passed" if passed else "failed", found)


def _private(subject: Subject) -> Finding:
    looked = [*private_checks(LakeFolder(subject.path.absolute()))]
    return _judged(_well(looked), "; ".join(f"{each.name}: {each.found}" for each in looked))


def _well(checks: Sequence[DoctorCheck]) -> bool:
    return bool(checks) and all(each.status == "ok" for each in checks)


def _locked(_subject: Subject) -> Finding:
    looked = list(worker_checks())
    return _judged(_well(looked), "; ".join(each.found for each in looked))


def _anchored(subject: Subject) -> Finding:
    if _well(list(anchor_checks(subject.settings))):
        return _judged(True, "they lie outside of the lake")
    if subject.settings.audit_anchor is None:
        return _judged(False, "they lie beside the log: set A360_AUDIT_ANCHOR (docs/audit.md)")
    return _judged(False, "the folder of A360_AUDIT_ANCHOR is not there, or lies within the lake")


def _whole(*kinds: str) -> Callable[[Subject], Finding]:
    def look(subject: Subject) -> Finding:
        read = subject.verified()
        damage = [each for each in read.damage if each.kind in kinds]
        if damage:
            return _judged(False, f"{len(damage)} damaged: run `a360 verify`")
        if "data" not in kinds:
            return _judged(True, "nothing is damaged")
        # Of files that were not read nothing is known, nor of those that are not there yet.
        all_read = 0 < read.known <= read.files
        return Finding("passed" if all_read else "not run", f"{read.files:,} of {read.known:,} files read")

    return look


def _copied(subject: Subject) -> Finding:
    made: list[datetime] = []
    for action in ("keys.backup", "keys.export"):
        for batch in search(subject.path / "audit", Search(action=action, outcome="done"), newest=1):
            made += batch.column("event_time").to_pylist()
    if not made:
        return _judged(False, "none is on record: run `a360 keys backup` or `a360 keys export`")
    days = (datetime.now(UTC) - max(made)).days
    return _judged(datetime.now(UTC) - max(made) <= _COPY_AGE, f"the newest on record is {days} days old")


def _examples(subject: Subject) -> Finding:
    policy = Policy(subject.plan)
    examples = read_examples(subject.contracts / EXAMPLES_FILE).values()
    held = sum(run_example(policy, each).passed for each in examples)
    return _judged(0 < held == len(examples), f"{held} of {len(examples)} hold")


def _nobody(subject: Subject) -> Finding:
    policy = Policy(subject.plan)
    purposes = (None, *subject.plan.policy.purposes)
    asked = list(product(get_args(Action.__value__), policy.datasets, purposes))
    let = sum(policy.decide(NOBODY, act, dataset, purpose=why).allowed for act, dataset, why in asked)
    return _judged(not let, f"{let:,} of {len(asked):,} questions are answered")


def _policy_recorded(subject: Subject) -> Finding:
    known = policy_on_record(subject.path / "policy.json") == Policy(subject.plan).fingerprint
    return _judged(known, "it is" if known else "it is not: `a360 apply` records it")


def _spill(subject: Subject) -> Finding:
    rows = subject.tables().session.sql("SELECT current_setting('temp_file_encryption') AS encrypted")
    return _judged(rows["encrypted"][0].as_py() is True, "DuckDB's temp_file_encryption")


def _erasures(subject: Subject) -> Finding:
    waiting = len(Journals(subject.path).begun())
    return _judged(not waiting, f"{waiting} wait to be completed")


def _tokens(plan: LakePlan, table: TablePlan) -> Iterator[tuple[str, str]]:
    """Columns that may hold nothing but tokens, each with the condition of a value that is none."""
    # Ids of these domains are tokens where they identify a person, and stand in clear elsewhere.
    persons = {
        "resource": ("resource_type", sorted(PERSON_TYPES)),
        "record": ("record_type", [each.name for each in plan.receptions if each.identifier]),
    }
    for column in table.columns:
        if column.sensitivity == "identifier" and column.type == "string":
            bad = f"NOT regexp_full_match({quote_name(column.name)}, '{_TOKEN}')"
            if column.token in persons:
                kind, identifying = persons[column.token]
                bad += f" AND {kind} IN ({', '.join(map(quote_text, identifying)) or 'NULL'})"
            yield column.name, bad


def _seals(_plan: LakePlan, table: TablePlan) -> Iterator[tuple[str, str]]:
    """Columns that may hold nothing but sealed bytes, likewise."""
    for column in table.columns:
        if column.sensitivity == "identifier" and column.type == "binary":
            yield column.name, f"hex({quote_name(column.name)}[1:4]) <> '{_SEALED}'"


def _values(
    conditions: Callable[[LakePlan, TablePlan], Iterator[tuple[str, str]]],
) -> Callable[[Subject], Finding]:
    """Every value of every such column is looked at."""

    def look(subject: Subject) -> Finding:
        tables = subject.tables()
        there, values, wrong = set(tables.list()), 0, []
        for table in subject.plan.tables:
            columns = dict(conditions(subject.plan, table))
            if table.dataset not in there or not columns:
                continue
            counts = ", ".join(
                f"count({quote_name(name)}), count(*) FILTER (WHERE {bad})" for name, bad in columns.items()
            )
            row = tables.session.sql(f"SELECT {counts} FROM {quote_table(table.dataset)}")
            found = [column[0].as_py() for column in row.columns]
            values += sum(found[::2])
            wrong += [
                f"{table.dataset}.{name}" for name, bad in zip(columns, found[1::2], strict=True) if bad
            ]
        if wrong:
            return _judged(False, f"other values in {', '.join(wrong)}")
        return Finding("passed" if values else "not run", f"{values:,} values looked at")

    return look


CHECKS: Final[Mapping[str, Check]] = {
    "audit-anchored": Check("Checkpoints of the audit log lie outside of the lake.", _anchored),
    "audit-whole": Check("The audit log is what was recorded, from its first record on.", _whole("audit")),
    "erasures-complete": Check("No erasure was left half done.", _erasures),
    "files-whole": Check(
        "Catalog and committed files are what was committed.",
        _whole("catalog", "data", "manifest", "metadata"),
    ),
    "folder-private": Check("The lake's folder and its keys are closed to other accounts.", _private),
    "identifiers-tokenised": Check(
        "Every value of every column declared an identifier is a token.", _values(_tokens)
    ),
    "keys-copied": Check("A backup or an escrow of the keys was made within 31 days.", _copied),
    "keys-open": Check("Every key opens.", _whole("key")),
    "nobody-sees-nothing": Check("Who is known to no policy may do nothing with any dataset.", _nobody),
    "payloads-sealed": Check("Every value of every sealed column is sealed.", _values(_seals)),
    "policy-examples": Check("The policy means what its examples say (`a360 policy test`).", _examples),
    "policy-on-record": Check("The policy in force is the one last on record.", _policy_recorded),
    "queries-locked": Check("A process that answers a query on this machine reaches nothing.", _locked),
    "spill-encrypted": Check("What the engine spills to disk is encrypted.", _spill),
}
"""Every look, by its name."""
