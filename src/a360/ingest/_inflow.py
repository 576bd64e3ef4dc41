"""What every kind of ingest works with."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from a360._progress import Progress
from a360.errors import UsageError
from a360.ingest._limits import Limits
from a360.objects import ObjectStore
from a360.protect import Sealer, Tokenizer

if TYPE_CHECKING:
    from a360.table import Tables

_SOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Inflow:
    """What every kind of ingest works with.

    Attributes:
        tables: The lake's tables; bronze, quarantine and ops exist.
        tokenizer: Makes tokens and digests.
        sealer: Seals payloads, refused rows and paths.
        source: The system that the data comes from; ids are unique within a source.
        limits: Bounds.
        threads: How many threads work beside the caller's; None for as many as there are cores.
        progress: Told of progress.
        record: The type of all records, where their files' names are not to say it.
        objects: Where pictures and PDFs go that stand within resources; None leaves them there.
        attachment_bytes: The largest of them that is taken.
    """

    tables: "Tables"
    tokenizer: Tokenizer
    sealer: Sealer
    source: str = "default"
    limits: Limits = field(default_factory=Limits)
    threads: int | None = None
    progress: Progress | None = None
    record: str | None = None
    objects: ObjectStore | None = None
    attachment_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        """Refuse what cannot be a source's name."""
        if not _SOURCE.fullmatch(self.source):
            raise UsageError(
                "usage",
                "A source's name is 1 to 64 letters, digits, `.`, `_` and `-`, "
                "beginning with a letter or digit",
                next_step="name the system that the data comes from, as clinic-emr",
            )
