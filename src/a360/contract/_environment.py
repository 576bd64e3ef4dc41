"""Environments: where a lake lives. What a lake is, the contracts say."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from a360.contract._base import Dataset, Many, Model

LOCAL = "local"

_OF_AWS = ("account", "region", "sharing", "spark", "keys", "catalog", "models", "firehose")
_KMS = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:"

type Account = Annotated[str, Field(pattern=r"^\d{12}$")]
type Place = Annotated[
    str, Field(pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/?$")
]
type Service = Literal[
    "athena",
    "catalog",
    "emr-serverless",
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


class SparkJobs(Model):
    """Where Spark jobs run: an application of EMR Serverless, and the places in S3 that its jobs use."""

    application: Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
    role: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$")]
    artifacts: Place
    logs: Place
    release: Annotated[str, Field(pattern=r"^emr-[a-z0-9.-]+$")] = "emr-spark-8.2.0"
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    key: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[a-zA-Z0-9-]+$")] | None = (
        None
    )
    timeout_minutes: Annotated[int, Field(ge=5, le=7 * 24 * 60)] = 720
    max_vcpus: Annotated[int, Field(ge=8, le=4000)] = 64


class Keys(Model):
    """Who guards the keys of a lake, in place of a key file: a key of KMS, by its ARN or alias."""

    store: Literal["kms"]
    key: Annotated[str, Field(pattern=rf"^({_KMS}(key/[a-zA-Z0-9-]+|alias/\S+)|alias/\S+)$")]


class Models(Model):
    """Models that programs may use: those of Bedrock by their ids, and one of SageMaker that is served."""

    bedrock: Many[Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9.-]+(:[a-z0-9]+)*$")]] = ()
    served: Annotated[str, Field(pattern=r"^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$")] | None = None
    instance: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m6i.large"


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
    spark: SparkJobs | None = None
    keys: Keys | None = None
    catalog: Literal["glue"] | None = None
    models: Models | None = None
    firehose: Literal["iceberg"] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Environment":
        if self.kind == "aws" and not (self.account and self.region):
            raise ValueError("an environment of kind aws has an account and a region")
        if self.kind == "local" and any(getattr(self, each) for each in _OF_AWS):
            raise ValueError(f"an environment of kind local has no {', '.join(_OF_AWS)}")
        if self.spark and f":{self.account}:" not in self.spark.role:
            raise ValueError("the role of spark belongs to another account than the environment")
        if self.keys and self.keys.key.startswith("arn:") and f":{self.region}:" not in self.keys.key:
            raise ValueError("the key of KMS is in another region than the environment")
        return self


def local_environment() -> Environment:
    """The environment that exists without a file."""
    return Environment(name=LOCAL, kind="local", description="This machine, without any cloud account.")
