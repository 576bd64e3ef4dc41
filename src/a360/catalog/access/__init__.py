"""Who may reach a served catalog: clients with a secret and a scope, tokens they get for it, and the gate."""

from a360.catalog.access._clients import Client, Clients, valid_name
from a360.catalog.access._gate import Gate
from a360.catalog.access._oauth import TOKEN_PATH, TokenReply
from a360.catalog.access._scope import Scope, scope_needed
from a360.catalog.access._tokens import LIFETIME_SECONDS

__all__ = [
    "LIFETIME_SECONDS",
    "TOKEN_PATH",
    "Client",
    "Clients",
    "Gate",
    "Scope",
    "TokenReply",
    "scope_needed",
    "valid_name",
]
