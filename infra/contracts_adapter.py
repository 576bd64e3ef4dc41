"""From the contracts to what the stacks take: plain values, worked out without the CDK."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from a360.contract import (
    Carriers,
    Environment,
    LakePlan,
    ReceptionPlan,
    TablePlan,
    load_contracts,
    make_plan,
)
from a360.errors import OperatorError
from infra.names import Names

_PERIOD = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?")
_DAYS = (365.25, 30.4375, 7, 1)
_DOMAIN = "domain:"


@dataclass(frozen=True)
class Deployment:
    """A lake in one environment of AWS: what all stacks of a stage are made from."""

    names: Names
    environment: Environment
    plan: LakePlan

    @cached_property
    def carriers(self) -> Carriers:
        """The policy as Lake Formation and Athena carry it."""
        return self.plan.carriers

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones of the lake, in their order."""
        return tuple(zone.name for zone in self.plan.zones)

    @cached_property
    def sensitivities(self) -> tuple[str, ...]:
        """The sensitivities that data may have, lowest first."""
        return next(tag.values for tag in self.plan.policy.tags if tag.name == "sensitivity")

    def tables(self, zone: str) -> tuple[TablePlan, ...]:
        """The tables of a zone."""
        return tuple(table for table in self.plan.tables if table.namespace == zone)

    @cached_property
    def streams(self) -> tuple[ReceptionPlan, ...]:
        """The record types whose records are events: each has a stream of its own."""
        return tuple(each for each in self.plan.receptions if "events" in each.kinds)

    def zone_sensitivity(self, zone: str) -> str:
        """The highest sensitivity of anything in a zone: its files are encrypted by the key of that."""
        present = {column.sensitivity for table in self.tables(zone) for column in table.columns}
        return max(present, key=self.sensitivities.index, default=self.sensitivities[-1])

    def location(self, table: TablePlan) -> str:
        """Where the files of a table lie."""
        return self.names.location(table.namespace, table.name)


def read_deployment(environment: str) -> Deployment:
    """The deployment of the contracts of this repository in an environment.

    Raises:
        OperatorError: there is no such environment, or it is not one of AWS.
        ContractError: the contracts have faults.
    """
    contracts = load_contracts()
    return deployment_of(make_plan(contracts, environment), contracts.environment(environment))


def deployment_of(plan: LakePlan, environment: Environment) -> Deployment:
    """The deployment of a plan in an environment."""
    if environment.kind != "aws" or environment.account is None or environment.region is None:
        raise OperatorError(
            "setting-invalid",
            f"The environment {environment.name} cannot be deployed",
            found=f"its kind is {environment.kind}",
            next_step="name one of kind aws: cdk synth -c environment=staging",
        )
    names = Names(plan.name, environment.name, environment.account, environment.region)
    return Deployment(names, environment, plan)


def domain_of(table: TablePlan) -> str:
    """The domain that a table is tagged with; what no contract declares is the platform's."""
    return next((tag.removeprefix(_DOMAIN) for tag in table.tags if tag.startswith(_DOMAIN)), "platform")


def days_of(period: str) -> int:
    """How many days an ISO 8601 period of years, months, weeks and days has, rounded up."""
    found = _PERIOD.fullmatch(period)
    if found is None or not any(found.groups()):
        raise ValueError(f"{period!r} is no period of years, months, weeks and days")
    days = sum(int(number or 0) * each for number, each in zip(found.groups(), _DAYS, strict=True))
    return int(-(-days // 1))


def by_domain(tables: tuple[TablePlan, ...]) -> Mapping[str, tuple[TablePlan, ...]]:
    """Tables by their domain, each in its order."""
    domains = sorted({domain_of(table) for table in tables})
    return {domain: tuple(each for each in tables if domain_of(each) == domain) for domain in domains}
