"""The lake over HTTP: a thin face of its gateway, for programs and people with no account on its machine."""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.serve._extra import require_extra

if TYPE_CHECKING:
    from a360.serve._app import make_app
    from a360.serve._reading import READERS, how_to_read
    from a360.serve._server import Server, Tls

__all__ = ["READERS", "Server", "Tls", "how_to_read", "make_app", "require_extra"]

_LAZY = {
    "READERS": "_reading",
    "Server": "_server",
    "Tls": "_server",
    "how_to_read": "_reading",
    "make_app": "_app",
}

__getattr__ = lazily(__name__, _LAZY)
