"""What a reading makes of its input: portions of bounded size, and what they become on a ground."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from a360.ingest._committed import Ground
from a360.ingest._rows import Bytes, Ints
from a360.ingest._rules import Refused


@dataclass(frozen=True, slots=True)
class Finished:
    """A file that has been read to its end; `digest` is that of its bytes, not keyed."""

    file: int
    digest: str
    bytes: int


@dataclass(slots=True)
class Worked:
    """What a portion became on one ground: the envelope of each thing, in order.

    `row` is the place of its payload among the spans of `text`, a newline behind each; -1 where it has none.
    `read` and `filtered` count input units by file, as they stood in the input. `beside` is what was made of
    the units and lands with them, without being one.
    """

    envelope: pa.Table
    row: Ints
    file: Ints
    offset: Ints
    text: Bytes
    starts: Ints
    ends: Ints
    read: Ints
    filtered: Ints
    refused: list[Refused]
    beside: "Worked | None" = None


class Part(Protocol):
    """Some of the input: `file` was read last, `packed_bytes` of it so far."""

    @property
    def file(self) -> int:
        """The file that was read last."""
        ...

    @property
    def packed_bytes(self) -> int:
        """How much of it has been read, as it lies."""
        ...


class Reading[P: Part](Protocol):
    """How the files of a batch are read.

    `grounds` says where it lands: input units are counted on the first. The commit of FHIR resources, where
    there is one, comes last and names the batch. `portions` is called by one thread, `work` by several.
    """

    @property
    def kind(self) -> str:
        """The kind of data, as `a360 ingest` names it."""
        ...

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """Where it lands."""
        ...

    def portions(self, chosen: Sequence[int]) -> Iterator[P | Finished]:
        """Read the chosen files one after the other."""
        ...

    def work(self, portion: P) -> tuple[Worked, ...]:
        """Turn a portion into what lands, for each ground."""
        ...
