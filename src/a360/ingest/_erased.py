"""What was erased and comes again: it is left out, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import ERASED
from a360.ingest._digests import Mask
from a360.ingest._worked import Worked
from a360.protect import Tokenizer, domains

if TYPE_CHECKING:
    from a360.table import Tables


@dataclass(slots=True)
class Erased:
    """By what is recognised what was erased; `left_out` counts what was."""

    tokenizer: Tokenizer
    patients: pa.Array
    contents: pa.Array
    left_out: int = 0

    @classmethod
    def of(cls, tables: "Tables", tokenizer: Tokenizer) -> Self:
        """What has been erased from a lake."""
        known = tables.current_snapshot_id(ERASED) is not None
        rows = tables.read(ERASED, columns=["kind", "digest"]).to_pylist() if known else []

        def of_kind(kind: str) -> pa.Array:
            return pa.array([row["digest"] for row in rows if row["kind"] == kind], pa.string())

        return cls(tokenizer, of_kind(domains.PATIENT), of_kind(domains.CONTENT))

    @property
    def remarks(self) -> tuple[str, ...]:
        """How many were left out, if any were."""
        return (f"left out, as they were erased: {self.left_out}",) if self.left_out else ()

    def sift(self, parts: Sequence[Worked]) -> tuple[Worked, ...]:
        """What a portion became on each ground, less what was erased and what came in one piece with it."""
        if not len(self.patients) and not len(self.contents):
            return tuple(parts)
        masks = [self._recognised(each.envelope) for each in parts]
        places = {
            place
            for each, mask in zip(parts, masks, strict=True)
            for place in zip(each.file[mask].tolist(), each.offset[mask].tolist(), strict=True)
        }
        if not places:
            return tuple(parts)
        return tuple(self._without(each, places) for each in parts)

    def _recognised(self, envelope: pa.Table) -> Mask:
        found = np.asarray(pc.is_in(envelope["content_hash"], self.contents))
        if "subject_token" in envelope.column_names and len(self.patients):
            tokens = self.tokenizer.tokens(domains.ERASED, envelope["subject_token"])
            found = found | np.asarray(pc.is_in(tokens, self.patients))
        return found

    def _without(self, worked: Worked, places: set[tuple[int, int]]) -> Worked:
        pieces = zip(worked.file.tolist(), worked.offset.tolist(), strict=True)
        stays = np.array([piece not in places for piece in pieces], dtype=np.bool_)
        beside = self._without(worked.beside, places) if worked.beside else None
        if stays.all():
            return replace(worked, beside=beside)
        out = worked.file[~stays]
        self.left_out += len(out)
        return replace(
            worked,
            envelope=worked.envelope.filter(pa.array(stays)),
            row=worked.row[stays],
            file=worked.file[stays],
            offset=worked.offset[stays],
            filtered=worked.filtered + np.bincount(out, minlength=len(worked.filtered)),
            beside=beside,
        )
