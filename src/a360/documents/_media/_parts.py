"""What all kinds of media share: how a file is changed so that it can be changed back, what is refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class MediaError(ValueError):
    """A file is not taken; `rule` names why, and the message tells nothing of what is in it."""

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(reason)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Patch:
    """At `offset` of the file as received, `original` stands; what is served has `served` in its place."""

    offset: int
    original: bytes
    served: bytes = b""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or document, without what its maker wrote into it beside.

    Attributes:
        media_type: What it is, by its bytes.
        served: The file without metadata; its picture is the same, bit for bit.
        patches: What makes the file as received of it again.
        width: Of a picture as it is shown, in pixels.
        height: Likewise.
        complete: Whether all metadata is known to be gone.
    """

    media_type: str
    served: bytes
    patches: tuple[Patch, ...]
    width: int | None = None
    height: int | None = None
    complete: bool = True


def patched(data: bytes, patches: Sequence[Patch]) -> bytes:
    """The file as it is served."""
    parts, at = [], 0
    for patch in patches:
        parts += [data[at : patch.offset], patch.served]
        at = patch.offset + len(patch.original)
    return b"".join([*parts, data[at:]])


def restored(served: bytes, patches: Iterable[Patch]) -> bytes:
    """The file as it was received."""
    parts, at, shift = [], 0, 0
    for patch in patches:
        place = patch.offset + shift
        parts += [served[at:place], patch.original]
        at = place + len(patch.served)
        shift += len(patch.served) - len(patch.original)
    return b"".join([*parts, served[at:]])


def damaged(what: str) -> MediaError:
    """A file that ends too soon, or contradicts itself."""
    return MediaError("damaged-file", what)
