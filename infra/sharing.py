"""What other accounts may read: what is declared, and whether AWS says the same.

    cd infra && python -P -m infra.sharing prod

asks Lake Formation and RAM, tells where they differ from the environment's file, and exits 1 where they do.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from a360.contract import Share, spelled
from a360.contract import granted as everything_granted
from infra.contracts_adapter import Deployment, read_deployment

PERMISSIONS = ("SELECT", "DESCRIBE")
"""What the other account gets, and may hand on to its own people."""
_ACCOUNT = re.compile(r"\d{12}")
_STANDING = frozenset({"ASSOCIATED", "ASSOCIATING"})


class Client(Protocol):
    """A client of boto3, for one service."""

    def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401 - boto3 has no types of its own


@dataclass(frozen=True, slots=True, order=True)
class Shared:
    """One resource that an account is granted, as one text: `a360_prod_gold.visit_facts` or `domain=a|b`."""

    account: str
    resource: str
    permissions: tuple[str, ...] = tuple(sorted(PERMISSIONS))
    grantable: tuple[str, ...] = tuple(sorted(PERMISSIONS))

    def __str__(self) -> str:
        grantable = f", may grant {', '.join(self.grantable)}" if self.grantable else ""
        return f"{self.account}: {self.resource} ({', '.join(self.permissions)}{grantable})"


@dataclass(frozen=True, slots=True)
class Drift:
    """Where AWS differs from what is declared.

    `strangers` are accounts that shares of this account name and no declaration does; `waiting` are accounts
    that are declared and have not accepted anything.
    """

    missing: tuple[Shared, ...] = ()
    unexpected: tuple[Shared, ...] = ()
    strangers: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.strangers or self.waiting)

    def lines(self) -> Iterator[str]:
        """The drift in words."""
        yield from (f"not granted, though declared: {each}" for each in self.missing)
        yield from (f"granted, though not declared: {each}" for each in self.unexpected)
        yield from (f"shared with an account that is not declared: {each}" for each in self.strangers)
        yield from (f"declared, and nothing is shared with it or accepted: {each}" for each in self.waiting)


def expression(tags: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Tags of a share as an LF-Tag expression: of each key one of the values."""
    found: dict[str, list[str]] = defaultdict(list)
    for tag in tags:
        key, _, value = tag.partition(":")
        found[key].append(value)
    return {key: tuple(sorted(values)) for key, values in sorted(found.items())}


def declared(deployment: Deployment) -> frozenset[Shared]:
    """What the environment's file shares.

    Raises:
        UsageError: it names a dataset that there is not.
    """
    return frozenset(each for share in deployment.environment.sharing for each in _of(deployment, share))


def _of(deployment: Deployment, share: Share) -> Iterator[Shared]:
    for dataset in share.datasets:
        table = deployment.plan.table(dataset)
        yield Shared(share.account, f"{deployment.names.database(table.namespace)}.{table.name}")
    if share.tags:
        yield Shared(share.account, spelled(expression(share.tags)))


def granted(permissions: Iterable[Mapping[str, Any]], own_account: str) -> frozenset[Shared]:
    """What Lake Formation's `ListPermissions` says that others than this account's have."""
    told = (
        {**each, "Principal": {"DataLakePrincipalIdentifier": account}}
        for each in permissions
        for account in [_account(each["Principal"]["DataLakePrincipalIdentifier"])]
        if account != own_account
    )
    return frozenset(
        Shared(each.principal, each.resource, each.permissions, each.grantable)
        for each in everything_granted(told)
    )


def _account(principal: str) -> str:
    """The account of a principal; who is of none, as an organisation or everybody, is named as told."""
    if _ACCOUNT.fullmatch(principal):
        return principal
    parts = principal.split(":")
    is_arn = principal.startswith("arn:") and len(parts) > 4  # noqa: PLR2004 - arn:partition:service:region:account
    return parts[4] if is_arn and _ACCOUNT.fullmatch(parts[4]) and parts[2] in {"iam", "sts"} else principal


def drift(
    wanted: frozenset[Shared], found: frozenset[Shared], associations: Iterable[Mapping[str, Any]]
) -> Drift:
    """The difference; `associations` are RAM's of principals with the shares that this account owns."""
    reached = {each["associatedEntity"] for each in associations if each["status"] in _STANDING}
    accounts = {each.account for each in wanted}
    return Drift(
        missing=tuple(sorted(wanted - found)),
        unexpected=tuple(sorted(found - wanted)),
        strangers=tuple(sorted(reached - accounts)),
        waiting=tuple(sorted(accounts - reached)),
    )


def verify(deployment: Deployment, lake_formation: Client, ram: Client) -> Drift:
    """Ask AWS, and compare."""
    permissions = _paged(lake_formation.list_permissions, "PrincipalResourcePermissions", "NextToken")
    associations = _paged(
        ram.get_resource_share_associations,
        "resourceShareAssociations",
        "nextToken",
        associationType="PRINCIPAL",
    )
    found = granted(permissions, deployment.names.account)
    return drift(declared(deployment), found, associations)


def _paged(call: Any, key: str, token: str, **arguments: str) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401
    while True:
        answer = call(**arguments)
        yield from answer[key]
        if not answer.get(token):
            return
        arguments[token] = answer[token]


def main() -> None:
    """Verify the environment that is named."""
    import boto3  # noqa: PLC0415 - only what asks AWS needs it

    deployment = read_deployment(sys.argv[1] if len(sys.argv) > 1 else "staging")
    session = boto3.Session(region_name=deployment.names.region)
    found = verify(deployment, session.client("lakeformation"), session.client("ram"))
    sys.stdout.writelines(f"{line}\n" for line in found.lines() or ())
    if found:
        raise SystemExit(1)
    sys.stdout.write("What is shared is what is declared.\n")


if __name__ == "__main__":
    main()
