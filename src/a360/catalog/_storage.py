"""Files in S3, as whoever opens them is told of them."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """What requests to S3 are signed with. Secrets are never shown in a representation."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Storage:
    """S3 as a catalog session's engines and readers reach it.

    Attributes:
        region: The region of the buckets.
        credentials: Gives the credentials that are good now; they are renewed before they end.
        endpoint: Where S3 is, if not at its public address; buckets then stand in paths.
        certificates: A file with the certificates to trust, if not those of the machine.
    """

    region: str
    credentials: Callable[[], S3Credentials] = field(repr=False)
    endpoint: str | None = None
    certificates: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to over TLS; an address of one's own may be without."""
        return self.endpoint is None or self.endpoint.startswith("https://")

    @property
    def host(self) -> str | None:
        """Host and port of an address of one's own."""
        return None if self.endpoint is None else self.endpoint.partition("://")[2].rstrip("/")
