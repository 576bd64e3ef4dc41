"""The commit gateway: stamps, fences and settles commits to any Iceberg REST catalog."""

from a360.catalog.gateway._gateway import Gateway
from a360.catalog.gateway._lane import Lane
from a360.catalog.gateway._operations import Kind, Operation
from a360.catalog.gateway._policy import Policy
from a360.catalog.gateway._stamp import COMMIT_ID, COUNTS, CREATED_BY, UPSTREAM, CommitStamp
from a360.catalog.gateway._upstream import EmbeddedUpstream, Upstream, UpstreamLostError

__all__ = [
    "COMMIT_ID",
    "COUNTS",
    "CREATED_BY",
    "UPSTREAM",
    "CommitStamp",
    "EmbeddedUpstream",
    "Gateway",
    "Kind",
    "Lane",
    "Operation",
    "Policy",
    "Upstream",
    "UpstreamLostError",
]
