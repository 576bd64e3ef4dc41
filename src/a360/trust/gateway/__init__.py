"""The only door through which people query: what they ask is decided, recorded and computed under lock."""

from a360.trust.gateway._budget import Budget
from a360.trust.gateway._gateway import Gateway, QueryLog
from a360.trust.gateway._pool import Workers
from a360.trust.gateway._running import QueryResult

__all__ = ["Budget", "Gateway", "QueryLog", "QueryResult", "Workers"]
