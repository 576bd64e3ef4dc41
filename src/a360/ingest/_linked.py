"""Attachments that FHIR resources name by a url alone: their files lie elsewhere, or in a Binary."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from a360.ingest._embedded import declared_of

# Elements of the type Attachment; `content` is one of Media and Library, and elsewhere has no url.
_ELEMENTS: Final = frozenset({"attachment", "content", "image", "photo", "presentedForm"})
_SUFFIX: Final = "Attachment"
KEYS: Final = (*(f'"{name}"'.encode() for name in sorted(_ELEMENTS)), f'{_SUFFIX}"'.encode())
"""How the names of such elements stand in a text."""

_BINARY: Final = re.compile(r"(?:.*/)?Binary/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?")


@dataclass(frozen=True, slots=True)
class Linked:
    """An attachment with a `url` and no data; `number` counts those of its resource."""

    number: str
    holder: Mapping[str, Any]
    resource: Mapping[str, Any]

    @property
    def declared(self) -> str | None:
        """What the resource says that it is."""
        return declared_of(self.holder)

    def place(self) -> dict[str, str]:
        """Where it is said to lie: a url, and the Binary that this names, if it does."""
        url = self.holder["url"]
        binary = _BINARY.fullmatch(url)
        return {"external": "true", "url": url} | ({"binary": binary[1]} if binary else {})


def linked_in(text: bytes) -> list[Linked]:
    """The attachments within the text of a resource that have a url alone, in order."""
    if b'"url"' not in text:
        return []
    resource = msgspec.json.decode(text)
    holders = enumerate(_holders(resource), start=1)
    return [Linked(f"u{number}", holder, resource) for number, holder in holders]


def _holders(value: object, name: str = "") -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for member in value:
            yield from _holders(member, name)
    elif isinstance(value, dict):
        is_attachment = name in _ELEMENTS or name.endswith(_SUFFIX)
        if is_attachment and isinstance(value.get("url"), str) and not {"data", "_data"} & value.keys():
            yield value
        for key, member in value.items():
            yield from _holders(member, key)
