"""What things are called. Stacks name each other's resources by these, so that none imports from another."""

from dataclasses import dataclass

from a360.contract import Zone

_LONGEST_BUCKET = 63


@dataclass(frozen=True, slots=True)
class Names:
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

    def bucket_arn(self, purpose: str) -> str:
        """The ARN of a bucket."""
        return f"arn:aws:s3:::{self.bucket(purpose)}"

    def key_alias(self, sensitivity: str) -> str:
        """The alias of the key that data of a sensitivity is encrypted with."""
        return f"alias/{self.prefix}/{sensitivity}"

    def parameter(self, *parts: str) -> str:
        """A parameter of Systems Manager: what one stack tells the others when it is deployed."""
        return "/" + "/".join((self.lake, self.environment, *parts))

    def database(self, zone: Zone | str) -> str:
        """The Glue database of a zone. Glue takes no hyphens in names that Athena is to read unquoted."""
        return f"{self.lake}_{self.environment}_{zone}".replace("-", "_")

    def role(self, *parts: str) -> str:
        """A role's name."""
        return self.of(*parts)

    def role_arn(self, *parts: str) -> str:
        """A role's ARN."""
        return f"arn:aws:iam::{self.account}:role/{self.role(*parts)}"
