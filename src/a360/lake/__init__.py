"""The composition root: opens a lake for an environment and wires the adapters of its ports.

The linter, which needs no lake, and what is served are loaded when they are asked for.
"""

from typing import TYPE_CHECKING

from a360._lazy import lazily
from a360.lake._kinds import KINDS, RECORD_KINDS
from a360.lake._lake import ENGINES, Lake
from a360.lake._open import examine, open_lake
from a360.lake._reports import IngestReport, RunReport

if TYPE_CHECKING:
    from a360.lake._anchor import checkpoint_place
    from a360.lake._keys import Keys
    from a360.lake._lint import lint
    from a360.lake._secrets import with_secrets
    from a360.lake._served import Served

__all__ = [
    "ENGINES",
    "KINDS",
    "RECORD_KINDS",
    "IngestReport",
    "Keys",
    "Lake",
    "RunReport",
    "Served",
    "checkpoint_place",
    "examine",
    "lint",
    "open_lake",
    "with_secrets",
]

__getattr__ = lazily(
    __name__,
    {
        "Keys": "_keys",
        "Served": "_served",
        "checkpoint_place": "_anchor",
        "lint": "_lint",
        "with_secrets": "_secrets",
    },
)
