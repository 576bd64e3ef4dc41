"""Passphrases: where they come from, and the master keys that Argon2id makes of them."""

import base64
import getpass
import os
import secrets
import stat
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from a360.errors import OperatorError, UsageError
from a360.protect.keys._faults import broken
from a360.protect.keys._guards import KEY_BYTES

type Passphrase = Callable[[], str]

KIND: Final = "passphrase"
# What NIST SP 800-63B asks of a password that stands alone.
SHORTEST: Final = 15
_SALT_BYTES: Final = 16
# The second choice of RFC 9106, for machines whose memory others use too.
_COST: Final = {"memory_kib": 64 * 1024, "iterations": 3, "lanes": 4}
# A file that was tampered with is not to take the machine's memory or hours of its time.
_DEAREST: Final = {"memory_kib": 4 * 1024 * 1024, "iterations": 64, "lanes": 64}

# One command opens the keys more than once, and is to ask once.
_known: dict[tuple[object, ...], bytes] = {}


def new_facts() -> dict[str, Any]:
    """A fresh salt and what deriving costs, as the keyring notes them."""
    return {"kind": KIND, "kdf": "argon2id", "salt": _base64(secrets.token_bytes(_SALT_BYTES)), **_COST}


def derived(passphrase: str, facts: Mapping[str, Any], place: Path) -> bytes:
    """The master key of a passphrase.

    Raises:
        OperatorError: `seal-broken` where the parameters are none.
    """
    try:
        salt = base64.b64decode(facts["salt"], validate=True)
        cost = {name: int(facts[name]) for name in _COST}
        fit = facts["kdf"] == "argon2id" and all(0 < cost[name] <= _DEAREST[name] for name in cost)
        if not fit:
            raise broken(place, "it asks for a derivation of keys that is not used")
        return Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=cost["iterations"],
            lanes=cost["lanes"],
            memory_cost=cost["memory_kib"],
        ).derive(unicodedata.normalize("NFKC", passphrase).encode())
    except (KeyError, TypeError, ValueError) as error:
        raise broken(place, "its parameters for deriving keys are damaged") from error


def known_master(facts: Mapping[str, Any]) -> bytes | None:
    """The master key that this process derived before, for the same salt."""
    return _known.get(_identity(facts))


def remember(facts: Mapping[str, Any], master: bytes) -> None:
    """Keep a master key that has opened a keyring."""
    _known[_identity(facts)] = master


def _identity(facts: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(str(facts.get(name)) for name in ("salt", *_COST))


def given_passphrase() -> str:
    """The passphrase from the file that the setting `passphrase_file` names, else as typed at the terminal.

    Raises:
        OperatorError: `passphrase-missing`, or as `passphrase_in`.
    """
    from a360.settings import load_settings  # noqa: PLC0415 -- most keys need no passphrase

    file = load_settings().passphrase_file
    if file is not None:
        return passphrase_in(file)
    return typed_passphrase("Passphrase of the keys: ")


def typed_passphrase(prompt: str) -> str:
    """What is typed at the terminal, without being shown there.

    Raises:
        OperatorError: `passphrase-missing` where there is no terminal.
    """
    if not (sys.stdin and sys.stdin.isatty()):
        raise OperatorError(
            "passphrase-missing",
            "The keys open with a passphrase, and nobody is there to type it",
            where="A360_PASSPHRASE_FILE, passphrase_file in a360.toml, the terminal",
            next_step="name a file of mode 0600 that holds it in A360_PASSPHRASE_FILE, for workers on their "
            "machines too; or `a360 keys passphrase --remove` goes back to a key file",
        )
    return getpass.getpass(prompt)


def passphrase_in(file: Path) -> str:
    """The passphrase that is the first line of a file.

    Raises:
        OperatorError: `passphrase-missing` where it cannot be read or is empty, `environment-unfit` where
            others can read it.
    """
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        line = file.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "no UTF-8"
        raise _not_in(file, told or type(error).__name__) from None
    if os.name == "posix" and file.is_file() and mode & 0o077:
        raise OperatorError(
            "environment-unfit",
            "The file of the passphrase is open to others than its owner",
            where=str(file),
            found=f"mode {mode:04o}",
            next_step=f"run chmod 600 {file}, and change the passphrase if others may have read it",
        )
    if not line:
        raise _not_in(file, "an empty first line")
    return line


def _not_in(file: Path, found: str) -> OperatorError:
    return OperatorError(
        "passphrase-missing",
        "There is no passphrase in the file that is to hold it",
        where=str(file),
        found=found,
        next_step="write it as the first line of a file of mode 0600, and name that in A360_PASSPHRASE_FILE",
    )


def require_strong(passphrase: str) -> None:
    """Raise where a new passphrase is short.

    Raises:
        UsageError: `usage`.
    """
    length = len(unicodedata.normalize("NFKC", passphrase))
    if length < SHORTEST:
        raise UsageError(
            "usage",
            "The new passphrase is too short",
            found=f"{length} characters",
            next_step=f"use at least {SHORTEST}, as four or five words that do not belong together",
        )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
