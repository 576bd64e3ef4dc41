"""What the parts of a deployed lake are called: by these names `infra/` makes them, and `a360` finds them."""

from dataclasses import dataclass

SERVICES = (
    *("admin", "places", "view-definer", "spark", "tending", "orchestration"),
    *("object-created", "ingest", "consumer", "features"),
)
"""The parts of a deployment whose roles Lake Formation grants something, beside those of people."""
_LONGEST_BUCKET = 63


@dataclass(frozen=True, slots=True)
class DeployedNames:
    """The names of one deployment; the same deployment always gives the same ones."""

    lake: str
    environment: str
    account: str
    region: str

    @property
    def prefix(self) -> str:
        """What every name begins with."""
        return f"{self.lake}-{self.environment}"

    def of(self, *parts: str) -> str:
        """A name within the account and region: `a360-staging-part-part`."""
        return "-".join((self.prefix, *parts))

    def bucket(self, purpose: str) -> str:
        """A bucket, whose name is alone in the world.

        Raises:
            ValueError: the name would be longer than S3 takes.
        """
        name = self.of(purpose, self.account, self.region)
        if len(name) > _LONGEST_BUCKET:
            raise ValueError(f"the bucket {name} would have {len(name)} letters; S3 takes {_LONGEST_BUCKET}")
        return name

    def database(self, zone: str) -> str:
        """The Glue database of a zone. Glue takes no hyphens in names that Athena is to read unquoted."""
        return f"{self.lake}_{self.environment}_{zone}".replace("-", "_")

    def role_arn(self, *parts: str) -> str:
        """An IAM role's ARN."""
        return f"arn:aws:iam::{self.account}:role/{self.of(*parts)}"

    def location(self, zone: str, table: str) -> str:
        """Where the files of a zone's table lie."""
        return f"s3://{self.bucket(zone)}/{table}"
