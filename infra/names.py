"""What things are called. Stacks name each other's resources by these, so that none imports from another."""

from dataclasses import dataclass

from a360.contract import DeployedNames

DEAD_LETTERS = ("landing-dead", "undelivered")
"""Queues of what nobody could take: objects that did not land, and what services could not deliver."""


@dataclass(frozen=True, slots=True)
class Names(DeployedNames):
    """The names of one deployment: those that `a360` goes by as well, and what stacks name beside."""

    def bucket_arn(self, purpose: str) -> str:
        """The ARN of a bucket."""
        return f"arn:aws:s3:::{self.bucket(purpose)}"

    def key_alias(self, sensitivity: str) -> str:
        """The alias of the key that data of a sensitivity is encrypted with."""
        return f"alias/{self.prefix}/{sensitivity}"

    def parameter(self, *parts: str) -> str:
        """A parameter of Systems Manager: what one stack tells the others when it is deployed."""
        return "/" + "/".join((self.lake, self.environment, *parts))

    def stream(self, record: str) -> str:
        """The stream that events of a record type arrive in, and what carries them on."""
        return self.of(record.replace("_", "-"))

    def role(self, *parts: str) -> str:
        """A role's name."""
        return self.of(*parts)

    def role_arn(self, *parts: str) -> str:
        """A role's ARN."""
        return f"arn:aws:iam::{self.account}:role/{self.role(*parts)}"
