"""What a catalog offers: everything, or what AWS Glue's REST endpoint offers."""

from dataclasses import dataclass

from a360.catalog._errors import BadRequestError, ForbiddenError, RestError, UnsupportedError
from a360.errors import UsageError

_GLUE_METADATA_LIMIT = 20 * 1024 * 1024
_REFUSALS = {
    "purge": "Purging tables is not supported: drop the table without purge",
    "metrics": "Reports of metrics are not taken",
    "credentials": "Credentials for files are not handed out",
    "rename": "Renaming tables is not supported",
    "register": "Registering tables is not supported: create the table and add its files",
    "views": "Views are not supported",
    "functions": "Functions are not supported",
    "scan_planning": "Server-side scan planning is not supported: plan scans in the client",
    "remote_signing": "Remote signing is not supported: tables lie in local files",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """The abilities of a catalog that differ between catalogs.

    Attributes:
        name: How an operator names the profile.
        prefix: What stands between `/v1/` and the rest of a path, as `/v1/config` tells clients.
        staged_create: Whether a table may be created by its first commit.
        needs_location: Whether a creation must say where the table lies.
        multi_table: Whether one commit may change several tables.
        rename: Whether tables can be renamed.
        register: Whether existing metadata can be registered as a table.
        purge: Whether dropping a table may delete its files.
        views: Whether there are views.
        idempotency: Whether an `Idempotency-Key` is heeded.
        metrics: Whether reports of scans and commits are taken.
        credentials: Whether credentials for a table's files are handed out.
        metadata_limit: The largest metadata file in bytes, None for no limit.
    """

    name: str
    prefix: str = ""
    staged_create: bool = True
    needs_location: bool = False
    multi_table: bool = True
    rename: bool = True
    register: bool = True
    purge: bool = True
    views: bool = True
    idempotency: bool = True
    metrics: bool = True
    credentials: bool = True
    metadata_limit: int | None = None

    def offers(self, ability: str) -> bool:
        """Whether the catalog has an ability; what is none of the attributes, no catalog of ours has."""
        return not ability or bool(getattr(self, ability, False))

    def require(self, ability: str) -> None:
        """Return if the catalog has an ability; raise what a client is told if not."""
        if not self.offers(ability):
            raise self.refusal(ability)

    def refusal(self, ability: str) -> RestError:
        """What a client is told that asks for an ability the catalog has not."""
        if ability == "staged_create":
            return BadRequestError(
                "Staged creation of tables is not supported: create the table, then commit to it"
            )
        if ability == "multi_table":
            return ForbiddenError("Transactions over several tables are not supported: commit to each table")
        return UnsupportedError(_REFUSALS[ability])


FULL = Profile("full")
GLUE = Profile(
    "glue",
    prefix="catalogs/embedded",
    staged_create=False,
    needs_location=True,
    multi_table=False,
    rename=False,
    register=False,
    purge=False,
    views=False,
    idempotency=False,
    metadata_limit=_GLUE_METADATA_LIMIT,
)


def profile_named(name: str | None) -> Profile:
    """The profile of a name; None is the full one.

    Raises:
        UsageError: There is no such profile.
    """
    for profile in (FULL, GLUE):
        if name in {profile.name, None}:
            return profile
    raise UsageError(
        "usage",
        "There is no such catalog profile",
        found=str(name),
        next_step=f"Name one of: {FULL.name}, {GLUE.name}",
    )
