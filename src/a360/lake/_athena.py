"""What Athena does for a lake whose tables are in Glue: answers questions, and computes models."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from a360.contract import CarrierPrincipal, GoldStep, LakePlan, RefinedStep, engine_sql, load_environment
from a360.errors import DeniedError, OperatorError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from a360.aws import AthenaSession
    from a360.contract import DeployedNames, Environment
    from a360.lake._parts import Parts
    from a360.trust.policy import Principal

_MADE_BY = "refine"
"""The workgroup in which models are computed."""
_VIEWS = "views"
"""The part of the name of the database that holds masked views."""


@dataclass(frozen=True, slots=True)
class AthenaAnswer:
    """An answer, and how much Athena read for it, which is what it costs."""

    rows: pa.Table
    query: str
    scanned_bytes: int
    seconds: float


class LakeAthena:
    """Athena for one lake."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def query(self, sql: str) -> AthenaAnswer:
        """Answer a SELECT in the workgroup of who asks, under Lake Formation's grants.

        The policy decides as everywhere whether it may be asked, and what of a table is shown, Lake Formation
        and the masked views do, which carry the same policy. So it has to be asked by the credentials of the
        role that they are made for.

        Raises:
            DeniedError: the policy, Lake Formation or IAM does not let it, or it is over its budget.
            OperatorError: `not-on-aws`; `aws-credentials` where they are of another role.
            UsageError: it does not parse.
        """
        from a360.aws import Athena, Aws, deployed_sql, rows_of  # noqa: PLC0415 -- an extra
        from a360.trust.gateway import allowed_elsewhere  # noqa: PLC0415 -- few commands ask

        parts = self._parts
        environment, names = self._deployed()
        principal, emergency = parts.principal, parts.emergency
        asking = allowed_elsewhere(
            parts.plan,
            parts.policy,
            parts.audit,
            principal,
            sql,
            purpose=parts.asker.purpose,
            emergency=emergency,
        )
        with asking as allowed:
            carrier = _carrier(parts.plan, principal, allowed.purpose, emergency.rule if emergency else None)
            aws = Aws(environment)
            _require_role(names.of(carrier.role), aws.role(), environment.name)
            athena = Athena(aws, names.of(carrier.ask.roles[0].replace("_", "-")))
            athena.output()
            asked = deployed_sql(engine_sql(allowed.query.sql(), "trino"), names, _views(parts.plan, carrier))
            done = athena.run(asked, seconds=_seconds(parts.plan, carrier))
            content = athena.content(done.place)
            rows = rows_of(content, athena.columns(done.id))
            allowed.told(rows.num_rows, len(content))
        return AthenaAnswer(rows, done.id, done.scanned_bytes, done.seconds)

    def session(self) -> "AthenaSession":
        """A session in which models are computed by Athena.

        Raises:
            OperatorError: `not-on-aws`.
        """
        from a360.aws import Athena, AthenaSession, Aws  # noqa: PLC0415 -- an extra

        parts, settings = self._parts, self._parts.settings
        environment, names = self._deployed()
        return AthenaSession(
            parts.catalog,
            Athena(Aws(environment), names.of(_MADE_BY)),
            names,
            spill=parts.folder.tmp,
            memory_limit=settings.memory_limit,
            threads=settings.threads,
        )

    def fill_masks(self) -> dict[str, int]:
        """Write what masked views look up: for each value that a keyed mask hides, what it shows instead.

        Returns:
            How many rows each of the tables has.

        Raises:
            OperatorError: `not-on-aws`.
            UsageError: the tables are not there: the stack `catalog` makes them.
        """
        from a360.trust.gateway import fill_mask_maps  # noqa: PLC0415 -- few commands fill

        self._deployed()
        parts = self._parts
        with parts.another_session() as reading:
            return fill_mask_maps(parts.tables, reading, parts.plan.carriers.views, parts.tokenizer)

    def _deployed(self) -> "tuple[Environment, DeployedNames]":
        from a360.aws import names_of  # noqa: PLC0415 -- an extra

        environment = load_environment(self._parts.contracts, self._parts.settings.env)
        if environment.kind != "aws" or environment.catalog != "glue":
            raise OperatorError(
                "not-on-aws",
                "Athena reads tables that are in Glue, and this environment has none there",
                where=f"environment {environment.name}",
                found=f"kind {environment.kind}, catalog {environment.catalog or 'in the lake folder'}",
                next_step="name an environment on AWS whose `catalog` is glue: --env staging",
            )
        return environment, names_of(self._parts.plan.name, environment)


def steps_for_athena(
    steps: "Sequence[RefinedStep]", named: "Sequence[str]", *, full: bool
) -> "list[RefinedStep]":
    """The steps that Athena can compute: models of gold that are made anew from all there is.

    Raises:
        UsageError: a dataset that was named is none of these.
    """
    able = [step for step in steps if isinstance(step, GoldStep) and (full or step.refresh.mode == "replace")]
    others = sorted({*named} - {step.dataset for step in able})
    if others:
        raise UsageError(
            "usage",
            "Athena computes models of gold that are made anew, and nothing else",
            found=", ".join(others),
            next_step="leave --engine out for these; of models that go by keys, --full makes all anew",
        )
    return [step for step in able if not named or step.dataset in named]


def _carrier(
    plan: LakePlan, principal: "Principal", purpose: str | None, emergency: str | None
) -> CarrierPrincipal:
    """The IAM role that stands for a principal acting for a purpose."""
    for each in plan.carriers.principals:
        ask = each.ask
        who = ask.user == principal.name if ask.user else {*ask.roles} == {*principal.roles}
        itself = ask.user or principal.name in ask.roles
        if who and itself and (ask.purpose, ask.break_glass) == (purpose, emergency):
            return each
    raise DeniedError(
        "denied",
        "No role of AWS stands for who asks, for this purpose",
        found=f"{principal.name} for {purpose or 'no purpose'}",
        next_step="`a360 grants carriers` lists those there are; name one by --as and --purpose",
    )


def _require_role(wanted: str, found: str, environment: str) -> None:
    """What a query shows, Lake Formation decides by the role that asks: it must be the principal's own."""
    if found != wanted:
        raise OperatorError(
            "aws-credentials",
            "The credentials are not of the role that stands for who asks",
            where=f"environments/{environment}.yaml",
            found=f"role {found}" if found else "no role",
            next_step=f"take on the role {wanted}, and name its profile in AWS_PROFILE",
        )


def _views(plan: LakePlan, carrier: CarrierPrincipal) -> dict[str, str]:
    """The masked views that stand for tables, by table."""
    return {
        each.decision.dataset: f"{_VIEWS}.{each.name.rpartition('.')[2]}"
        for each in plan.carriers.views
        if each.principal == carrier.name
    }


def _seconds(plan: LakePlan, carrier: CarrierPrincipal) -> float:
    from a360.aws import LONGEST_SECONDS  # noqa: PLC0415 -- an extra

    role = plan.policy.role(carrier.ask.roles[0])
    return float(role.budget.seconds or LONGEST_SECONDS) if role else LONGEST_SECONDS
