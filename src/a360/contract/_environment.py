"""Environments: where a lake lives. What a lake is, the contracts say."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from a360.contract._base import Dataset, Many, Model

LOCAL = "local"

type Account = Annotated[str, Field(pattern=r"^\d{12}$")]
type Service = Literal[
    "athena",
    "catalog",
    "glue",
    "kinesis",
    "kms",
    "lakeformation",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
]


class Share(Model):
    """Datasets that another account may read, named or by tag."""

    account: Account
    datasets: Many[Dataset] = ()
    tags: Many[str] = ()

    @model_validator(mode="after")
    def _shares_something(self) -> "Share":
        if not (self.datasets or self.tags):
            raise ValueError("a share names datasets or tags")
        return self


class Alerts(Model):
    """Who is told when something fails."""

    emails: Many[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = ()
    topics: Many[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:\S+$")]] = ()


class Environment(Model):
    """One place a lake lives in."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    description: str = ""
    kind: Literal["local", "aws"]
    account: Account | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] | None = None
    endpoints: dict[Service, Annotated[str, Field(pattern=r"^https?://\S+$")]] = Field(default_factory=dict)
    sharing: Many[Share] = ()
    alerts: Alerts = Field(default_factory=Alerts)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Environment":
        if self.kind == "aws" and not (self.account and self.region):
            raise ValueError("an environment of kind aws has an account and a region")
        if self.kind == "local" and (self.account or self.region or self.sharing):
            raise ValueError("an environment of kind local has no account, region or sharing")
        return self


def local_environment() -> Environment:
    """The environment that exists without a file."""
    return Environment(name=LOCAL, kind="local", description="This machine, without any cloud account.")
