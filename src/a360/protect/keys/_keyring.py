"""The keyring: one small file with the wrapped keys of all packs, so that one rename rotates all of them."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from a360.errors import OperatorError
from a360.files import sync_folder, write_whole
from a360.protect.keys._faults import broken, unreadable
from a360.protect.keys._guards import Guard

FILE: Final = "keyring.json"
ROOT: Final = "secrets"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack: its id, its wrapped key, and how many slots it has once it takes no more."""

    id: str
    wrapped: bytes
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class Keyring:
    """The wrapped root of the secrets and the wrapped keys of packs. At most the last pack takes new keys."""

    store: str
    guard: Mapping[str, Any]
    root: bytes
    packs: Mapping[str, Pack] = field(default_factory=dict)
    generation: int = 1
    rotated_at: str = ""

    @classmethod
    def create(cls, store: str, guard: Guard) -> tuple[Self, bytes]:
        """A keyring without packs, and the root of its secrets."""
        root, wrapped = guard.generate(ROOT)
        return cls(store, guard.facts, wrapped, rotated_at=_now()), root

    @property
    def open_pack(self) -> Pack | None:
        """The pack that takes new keys."""
        last = next(reversed(list(self.packs.values())), None)
        return last if last is not None and last.slots is None else None

    def with_packs(self, added: Sequence[Pack], closed: int) -> "Keyring":
        """The keyring with more packs; the one that took new keys until now has as many slots as it will."""
        before = {
            each.id: each if each.slots is not None else replace(each, slots=closed)
            for each in self.packs.values()
        }
        return replace(self, packs=before | {each.id: each for each in added})

    def rewrapped(self, before: Guard, guard: Guard) -> "Keyring":
        """The same keys, wrapped by another guard."""
        packs = {
            each.id: replace(each, wrapped=guard.rewrap(each.id, each.wrapped, before))
            for each in self.packs.values()
        }
        return replace(
            self,
            guard=guard.facts,
            root=guard.rewrap(ROOT, self.root, before),
            packs=packs,
            generation=self.generation + 1,
            rotated_at=_now(),
        )

    def to_bytes(self, root: bytes) -> bytes:
        """Two lines: the keyring as JSON, and its MAC under a key derived from the root of the secrets."""
        body = {
            "format": FORMAT,
            "store": self.store,
            "generation": self.generation,
            "rotated_at": self.rotated_at,
            "guard": dict(self.guard),
            "secrets": _text(self.root),
            "packs": [[each.id, _text(each.wrapped), each.slots] for each in self.packs.values()],
        }
        line = json.dumps(body, separators=(",", ":")).encode()
        return line + b"\n" + _mac(root, line) + b"\n"

    @classmethod
    def of_bytes(cls, content: bytes, path: Path) -> Self:
        """The keyring that was written; whether it was changed, `require_whole` says once the root is known.

        Raises:
            OperatorError: `seal-broken` where it is none, `not-a-lake` where it has another format.
        """
        try:
            body = json.loads(content.partition(b"\n")[0])
            if body["format"] != FORMAT:
                raise _other_format(path, str(body["format"]))
            packs = [Pack(name, _bytes(wrapped), slots) for name, wrapped, slots in body["packs"]]
            return cls(
                store=body["store"],
                guard=body["guard"],
                root=_bytes(body["secrets"]),
                packs={each.id: each for each in packs},
                generation=body["generation"],
                rotated_at=body["rotated_at"],
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise broken(path, "it is no keyring") from error

    def root_under(self, guard: Guard, content: bytes, path: Path) -> bytes:
        """The root of the secrets, with the keyring's MAC checked.

        Raises:
            NotOpenedError: the root does not open under the guard.
            OperatorError: `seal-broken` where the keyring was changed.
        """
        root = guard.unwrap(ROOT, self.root)
        line, _, mac = content.partition(b"\n")
        if not hmac.compare_digest(mac, _mac(root, line) + b"\n"):
            raise broken(path, "its MAC does not fit")
        return root


def new_store_id() -> str:
    """A name for a new key store."""
    return secrets.token_hex(16)


def read_keyring(folder: Path) -> tuple[Keyring, bytes]:
    """The keyring in a folder, and its bytes.

    Raises:
        OperatorError: `key-missing`, `seal-broken`, or `not-a-lake` for a folder of an older form.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        if (folder / "secrets.key").exists():
            raise _other_format(folder, "a file for each key") from error
        raise unreadable(path, error) from error
    return Keyring.of_bytes(content, path), content


def write_keyring(folder: Path, content: bytes) -> None:
    """Replace the keyring as a whole, durably."""
    write_whole(folder / FILE, content)
    sync_folder(folder)


def _other_format(place: Path, found: str) -> OperatorError:
    return OperatorError(
        "not-a-lake",
        "The key store has a form that this version does not know",
        where=str(place),
        found=found,
        next_step="use the version of a360 that made the lake, or make a new lake from its sources",
    )


def _mac(root: bytes, line: bytes) -> bytes:
    key = hmac.digest(root, b"a360 keyring", hashlib.sha256)
    return hmac.digest(key, line, hashlib.sha256).hex().encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
