"""Declares emergencies, finds those that stand, closes them by review: all of it is in the audit log."""

import base64
import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from a360.contract import BreakGlassPlan
from a360.errors import ConflictError, DeniedError, OperatorError, UsageError
from a360.protect import AuditEvent, Sealer, open_text, seal_text
from a360.trust.audit import LocalAuditLog, Search, search
from a360.trust.policy import LONGEST, Emergency, Policy, Principal

type Finding = Literal["justified", "unjustified"]

_DECLARED, _REVIEWED = "break-glass", "break-glass.review"
_LOG = "ops.audit"
_LISTED = "`a360 emergency list` shows those that wait for review"
# A sealed text has to fit what one detail of a record holds.
_SHORTEST_TEXT, _LONGEST_TEXT = 10, 1000


@dataclass(frozen=True, slots=True)
class Declared:
    """An emergency as the log has it, and its review where there was one.

    `reason` and `remark` are None where they were not asked for, or where their key has been destroyed.
    """

    id: str
    principal: str
    rule: str
    purpose: str
    begins: datetime
    ends: datetime
    reason: str | None = None
    reviewer: str | None = None
    finding: str | None = None
    remark: str | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has reviewed it yet."""
        return self.finding is None


class Emergencies:
    """The emergencies of a lake.

    Args:
        policy: Whose `breakGlass` says who may declare what.
        audit: Where they are kept: there is no emergency that is not on record.
        sealer: Seals reasons and remarks, which may name a patient.
        lock: A file of the lake; who holds it reviews alone.
    """

    def __init__(self, policy: Policy, audit: LocalAuditLog, sealer: Sealer, *, lock: Path) -> None:
        self._lock = lock
        self._policy = policy
        self._audit = audit
        self._sealer = sealer

    def under(self, policy: Policy) -> "Emergencies":
        """The same emergencies, where another policy says who may declare and review them."""
        return Emergencies(policy, self._audit, self._sealer, lock=self._lock)

    def declare(
        self,
        principal: Principal,
        rule: str,
        reason: str,
        *,
        purpose: str | None = None,
        minutes: int | None = None,
        at: datetime | None = None,
        source: str | None = None,
    ) -> Emergency:
        """Declare an emergency: it is on record before it holds, and open for review.

        Args:
            principal: Who declares it, as itself.
            rule: The rule of `breakGlass` it stands on.
            reason: Why; it is kept sealed.
            purpose: What for; by default the one purpose of the rule or of the principal.
            minutes: How long; at most, and by default, as long as the rule says.
            at: When; now by default.
            source: The address that asks.

        Raises:
            DeniedError: no such rule lets the principal.
            UsageError: the reason says nothing, or no time is left.
        """
        at = at or datetime.now(UTC)
        text = _text(reason, "An emergency needs a reason", "say what happened, in a sentence")
        glass, purpose = self._glass(principal, rule, purpose, at, source)
        wanted = glass.minutes if minutes is None else min(minutes, glass.minutes)
        lasts = min(timedelta(minutes=wanted), LONGEST)
        if lasts <= timedelta(0):
            raise UsageError("usage", "An emergency lasts a minute at least", next_step="name more minutes")
        details = {
            "reason": self._sealed(text, _DECLARED, principal.name, at),
            "minutes": int(lasts.total_seconds() // 60),
        }
        rules = (f"break-glass {glass.name}",)
        told: dict[str, Any] = {"purpose": purpose, "details": details, "rules": rules, "source": source}
        number = self._record(principal, _DECLARED, "allowed", at, **told)
        return Emergency(principal.name, glass.name, purpose, at, at + lasts, number)

    def standing(self, principal: Principal, rule: str, *, at: datetime | None = None) -> Emergency:
        """The principal's emergency by a rule that is not over, the newest where there are several.

        One that a review found unjustified is over.

        Raises:
            DeniedError: there is none.
        """
        at = at or datetime.now(UTC)
        for each in reversed(self._found(Search(action=_DECLARED, since=at - LONGEST))):
            emergency = Emergency(each.principal, each.rule, each.purpose, each.begins, each.ends, each.id)
            stands = each.finding != "unjustified" and emergency.holds_for(principal, at)
            if each.rule == rule and stands:
                return emergency
        raise DeniedError(
            "denied",
            f"No emergency {rule} of {principal.name} is declared that is not over",
            next_step="declare one: name a reason with --reason",
        )

    def declared(self, principal: Principal) -> Sequence[Declared]:
        """All emergencies, oldest first, with their reasons; that these were opened is on record.

        Raises:
            DeniedError: the principal may not read the audit log.
        """
        self._require_reader(principal, "open", datetime.now(UTC))
        found = self._found(Search(action=_DECLARED))
        if found:
            self._record(principal, "open", "allowed", datetime.now(UTC), rows=len(found), objects=(_LOG,))
        return self._found(Search(action=_DECLARED), texts=True)

    def review(
        self,
        principal: Principal,
        id: str,  # noqa: A002 -- the id of the emergency, as it is called everywhere
        finding: Finding,
        remark: str,
        *,
        at: datetime | None = None,
    ) -> Declared:
        """Close an emergency, as somebody else than who declared it, and who may read the audit log.

        Of several reviews the first stands.

        Raises:
            DeniedError: the principal may not read the audit log, or the emergency is its own.
            UsageError: there is no such emergency.
            ConflictError: it was reviewed.
        """
        at = at or datetime.now(UTC)
        text = _text(remark, "A review needs a remark", "say what was looked at, and what was found")
        self._require_reader(principal, _REVIEWED, at)
        with self._alone():
            return self._review(principal, id, finding, text, at)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Whether an emergency is open, and that it is closed, has no other review in between."""
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _review(
        self,
        principal: Principal,
        id: str,  # noqa: A002 -- likewise
        finding: Finding,
        text: str,
        at: datetime,
    ) -> Declared:
        emergency = self._of_id(id)
        if emergency is None:
            raise UsageError("usage", "There is no such emergency", next_step=_LISTED)
        if not emergency.open:
            raise ConflictError(
                "emergency-reviewed", "This emergency has been reviewed", found=id, next_step=_LISTED
            )
        if emergency.principal in {principal.name, principal.acting_for}:
            self._record(principal, _REVIEWED, "denied", at, request=id)
            raise DeniedError(
                "denied",
                "Nobody reviews an emergency of their own",
                next_step=f"ask somebody else who may read {_LOG}",
            )
        details = {"finding": finding, "remark": self._sealed(text, _REVIEWED, principal.name, at)}
        self._record(principal, _REVIEWED, "done", at, request=id, details=details)
        return replace(emergency, reviewer=principal.acting_for or principal.name, finding=finding)

    def _require_reader(self, principal: Principal, action: str, at: datetime) -> None:
        purposes = self._policy.purposes_of(principal)
        if any(self._policy.decide(principal, "select", _LOG, purpose=each).visible for each in purposes):
            return
        self._record(principal, action, "denied", at, objects=(_LOG,))
        raise DeniedError(
            "denied",
            f"{principal.name} may not review emergencies",
            found=f"no grant lets them read {_LOG}",
            next_step=f"ask somebody who may read {_LOG}",
        )

    def _record(
        self,
        principal: Principal,
        action: str,
        outcome: str,
        at: datetime,
        *,
        objects: Sequence[str] = (),
        **more: Any,  # noqa: ANN401 -- further fields of an event
    ) -> str:
        name, asks = principal.name, principal.acting_for
        return self._audit.record(AuditEvent(at, name, action, objects, outcome, acting_for=asks, **more))

    def _of_id(self, number: str) -> Declared | None:
        return next((each for each in self._found(Search(action=_DECLARED)) if each.id == number), None)

    def _glass(
        self, principal: Principal, name: str, purpose: str | None, at: datetime, source: str | None
    ) -> tuple[BreakGlassPlan, str]:
        roles = self._policy.roles_of(principal)
        for rule in self._policy.plan.policy.break_glass:
            only = rule.purposes[0] if len(rule.purposes) == 1 else self._policy.default_purpose(principal)
            named = rule.whom.names(principal.name, roles, principal.groups)
            wanted = purpose or only
            if rule.name == name and named and wanted in rule.purposes and principal.acting_for is None:
                return rule, str(wanted)
        self._record(principal, _DECLARED, "denied", at, purpose=purpose, source=source)
        raise DeniedError(
            "denied",
            f"{principal.name} may not break the glass by a rule {name[:80]}"
            + (f" for {purpose}" if purpose else ""),
            found="they act for somebody" if principal.acting_for else f"roles {', '.join(roles) or 'none'}",
            next_step="ask somebody whom breakGlass in lake.yaml names",
        )

    def _sealed(self, text: str, action: str, principal: str, at: datetime) -> str:
        sealed = seal_text(self._sealer.batch(), text, _context(action, principal, at))
        return base64.b64encode(sealed).decode()

    def _opened(self, row: dict[str, Any], member: str) -> str | None:
        context = _context(row["action"], row["principal"], row["event_time"])
        try:
            return open_text(self._sealer, base64.b64decode(row["details"][member]), context)
        except OperatorError as error:
            if error.code.slug == "key-destroyed":  # erased, which leaves the rest as it was
                return None
            raise

    def _found(self, wanted: Search, *, texts: bool = False) -> list[Declared]:
        """Emergencies, each with its review. Whoever names a row is the record's own id, not a text in it."""
        rows = search(self._audit.folder, wanted).read_all().to_pylist()
        for row in rows:
            row["details"] = json.loads(row["details"] or "{}")
        reviews: dict[str, dict[str, Any]] = {}
        for row in rows:
            if (row["action"], row["outcome"]) == (_REVIEWED, "done"):
                reviews.setdefault(row["request"], row)
        return [
            self._of(row, reviews.get(_id(row)), texts=texts)
            for row in rows
            if (row["action"], row["outcome"]) == (_DECLARED, "allowed")
        ]

    def _of(self, row: dict[str, Any], review: dict[str, Any] | None, *, texts: bool) -> Declared:
        begins = row["event_time"].astimezone(UTC)
        return Declared(
            id=_id(row),
            principal=row["principal"],
            rule=row["rules"].removeprefix("break-glass "),
            purpose=row["purpose"],
            begins=begins,
            ends=begins + timedelta(minutes=row["details"]["minutes"]),
            reason=self._opened(row, "reason") if texts else None,
            reviewer=(review["acting_for"] or review["principal"]) if review else None,
            finding=review["details"]["finding"] if review else None,
            remark=self._opened(review, "remark") if texts and review else None,
        )


def _id(row: dict[str, Any]) -> str:
    return f"{row['sequence']}-{row['hash'][:16]}"


def _context(action: str, principal: str, at: datetime) -> bytes:
    return f"{action}|{principal}|{at.astimezone(UTC).isoformat()}".encode()


def _text(text: str, what: str, say: str) -> str:
    text = text.strip()
    if not _SHORTEST_TEXT <= len(text) <= _LONGEST_TEXT:
        found = f"{len(text)} characters"
        between = f"in {_SHORTEST_TEXT} to {_LONGEST_TEXT} characters"
        raise UsageError("usage", what, found=found, next_step=f"{say}, {between}")
    return text
