"""Signed checkpoints: how many records the log had, and the root and the head they amount to.

A checkpoint is a signed note (C2SP `signed-note` and `tlog-checkpoint`), so that tools for transparency logs
can check it: the log's name, the size, the root; then, as extension lines, the hash of the last record, the
time, the place of the next record, and the right edge of the tree, from which a writer goes on.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from a360.errors import UsageError
from a360.trust.audit._record import stamp
from a360.trust.audit._tree import Tree

_ED25519: Final = b"\x01"
_NOTE: Final = re.compile(
    r"(?P<text>(?P<name>\S+)\n(?P<size>0|[1-9][0-9]*)\n(?P<root>\S+)\nhead (?P<head>[0-9a-f]{64})\n"
    r"time (?P<time>\S+)\nnext (?P<file>[0-9]{12}\.jsonl) (?P<offset>0|[1-9][0-9]*)\nedge(?P<edge>( \S+)*)\n)"
    r"\n— (?P<signer>\S+) (?P<signature>\S+)\n"
)
_DOMAIN: Final = "a360-audit/"
_LINE_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log amounted to when it had `tree.size` records."""

    name: str
    tree: Tree
    head: str
    at: datetime
    file: str
    offset: int

    @property
    def size(self) -> int:
        """The number of records."""
        return self.tree.size

    @property
    def text(self) -> str:
        """What is signed."""
        edge = "".join(f" {_b64(each)}" for each in self.tree.edge)
        return (
            f"{self.name}\n{self.size}\n{_b64(self.tree.root)}\nhead {self.head}\ntime {stamp(self.at)}\n"
            f"next {self.file} {self.offset}\nedge{edge}\n"
        )


class VerifierKey:
    """The public half of a log's key, written as Go's `note` package and C2SP write it: `name+id+key`."""

    def __init__(self, name: str, public: Ed25519PublicKey) -> None:
        self.name = name
        self._public = public
        raw = _ED25519 + public.public_bytes_raw()
        self._id = sha256(name.encode() + b"\n" + raw).digest()[:4]
        self.text = f"{name}+{self._id.hex()}+{_b64(raw)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The key that a text holds.

        Raises:
            UsageError: it is no such key, or does not bear the id that belongs to it.
        """
        name, _, rest = text.strip().partition("+")
        try:
            raw = base64.b64decode(rest.partition("+")[2], validate=True)
            key = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        except ValueError:
            key = None
        if key is None or key.text != text.strip():
            raise UsageError(
                "usage",
                "This is no public key of an audit log",
                next_step="`a360 audit key` prints the key of a lake's log",
            )
        return key

    def signs(self, text: str, signature: str) -> bool:
        """Whether a signature line's last part is of this key, over the text."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self._public.verify(raw[4:], text.encode())
        except (ValueError, InvalidSignature):
            return False
        return raw[:4] == self._id

    def signature_of(self, raw: bytes) -> str:
        """A signature as a note has it."""
        return _b64(self._id + raw)


class SigningKey:
    """The key of a log, from 32 secret bytes of the key store. A log is named by it: one key, one log."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key()
        name = _DOMAIN + sha256(public.public_bytes_raw()).hexdigest()[:32]
        self.verifier = VerifierKey(name, public)

    @property
    def name(self) -> str:
        """The log's name."""
        return self.verifier.name

    def sign(self, checkpoint: Checkpoint) -> bytes:
        """A checkpoint as a signed note."""
        return self._signed(checkpoint.text).encode()

    def certify(self, content: bytes) -> str:
        """A signed note over a certificate's digest; by its first line it is no checkpoint."""
        return self._signed(_certified(content))

    def _signed(self, text: str) -> str:
        signature = self.verifier.signature_of(self._private.sign(text.encode()))
        return f"{text}\n— {self.name} {signature}\n"


def is_certified(content: bytes, note: str, key: VerifierKey) -> bool:
    """Whether a note is over a certificate, and of this key."""
    text, _, line = note.partition("\n\n")
    words = line.split(" ")
    return (
        f"{text}\n" == _certified(content)
        and words[:2] == ["—", key.name]
        and len(words) == _LINE_WORDS
        and key.signs(_certified(content), words[-1].strip())
    )


def _certified(content: bytes) -> str:
    return f"a360-certificate\nsha256 {sha256(content).hexdigest()}\n"


def open_note(note: bytes, key: VerifierKey) -> Checkpoint | None:
    """The checkpoint in a note; None where it is none, or the key did not sign it."""
    try:
        found = _NOTE.fullmatch(note.decode())
    except UnicodeDecodeError:
        return None
    if found is None or {found["name"], found["signer"]} != {key.name}:
        return None
    if not key.signs(found["text"], found["signature"]):
        return None
    tree = Tree(int(found["size"]), [base64.b64decode(each) for each in found["edge"].split()])
    at = datetime.fromisoformat(found["time"]).astimezone(UTC)
    checkpoint = Checkpoint(found["name"], tree, found["head"], at, found["file"], int(found["offset"]))
    return checkpoint if checkpoint.text == found["text"] else None


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
