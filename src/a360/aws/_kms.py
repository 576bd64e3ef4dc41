"""The key store whose packs are guarded by a key of KMS, which never leaves it."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from a360.aws._clients import Aws, told
from a360.contract import Environment
from a360.errors import OperatorError
from a360.protect import KeyStore
from a360.protect.keys import (
    BY_PASSPHRASE,
    Guard,
    Keyring,
    LocalOpener,
    NotOpenedError,
    PackedKeyStore,
    Passphrase,
    broken,
    create_folder,
    locked,
    require_private_folder,
)

_KIND: Final = "aws-kms"
# What KMS says of wrapped bytes that were changed, are of another key, or of another place.
_NOT_THIS: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


class KmsKeyStore(PackedKeyStore):
    """Data keys in packs in a folder; a key of KMS wraps the packs' keys and the root of the secrets.

    Every call has an encryption context that names the store and the pack.
    """

    def __init__(self, folder: Path, environment: Environment, *, aws: Aws | None = None) -> None:
        require_private_folder(folder)
        self._environment = environment
        self._aws = aws or Aws(environment)
        super().__init__(folder, _Opener(self._aws))

    def __reduce__(self) -> tuple[Callable[[str, Environment], KeyStore], tuple[str, Environment]]:
        """Another process asks KMS for itself, with the credentials that it has."""
        return _reopened, (str(self._folder.absolute()), self._environment)

    @classmethod
    def create(cls, folder: Path, environment: Environment, key: str) -> Self:
        """Create the key folder under a key of KMS, named by its ARN, or open the one that is there."""
        aws = Aws(environment)
        create_folder(folder, lambda _part, store: KmsGuard(aws, key, store))
        return cls(folder, environment, aws=aws)

    @classmethod
    def open(cls, folder: Path, environment: Environment) -> Self:
        """Open a key folder.

        Raises:
            OperatorError: `key-missing`, `seal-broken`, `environment-unfit`, `aws-credentials`, `aws-failed`.
            DeniedError: `denied` where the credentials may not use the key.
        """
        return cls(folder, environment)

    def rotate(self, key: str) -> None:
        """Have another key of KMS wrap everything; no pack is touched."""
        with locked(self._folder):
            self._rewrap(KmsGuard(self._aws, key, self.opened().keyring.store))
            self._opened = self._open()


@dataclass(frozen=True, slots=True)
class KmsForm:
    """Brings keys back under a key of KMS: a backup opens by KMS, an escrow by its passphrase."""

    environment: Environment
    key: str
    passphrase: Passphrase | None = None

    def archived(self, keyring: Keyring, content: bytes, path: Path) -> tuple[Guard, bytes]:
        """What opens an archive, and the root of its secrets."""
        if keyring.guard.get("kind") == BY_PASSPHRASE:
            return LocalOpener(self.passphrase).by_passphrase(path, keyring, content)
        return _Opener(Aws(self.environment)).open(path, keyring, content)

    def open(self, folder: Path) -> PackedKeyStore:
        """The key store in a folder."""
        return KmsKeyStore.open(folder, self.environment)

    def guard(self, folder: Path, store: str) -> Guard:  # noqa: ARG002 -- KMS has no file here
        """A guard under the key of the environment."""
        return KmsGuard(Aws(self.environment), self.key, store)


class KmsGuard:
    """Wraps keys by a key of KMS. An alias is followed once, as it may name another key tomorrow."""

    def __init__(self, aws: Aws, key: str, store: str) -> None:
        self._aws = aws
        self._store = store
        self._key = key if ":key/" in key else self._followed(key)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The kind, and the key's ARN."""
        return {"kind": _KIND, "key": self._key}

    def generate(self, name: str) -> tuple[bytes, bytes]:
        """A fresh key of KMS's making."""
        with self._asking("make a key"):
            made = self._aws.kms.generate_data_key(
                KeyId=self._key, KeySpec="AES_256", EncryptionContext=self._context(name)
            )
        return made["Plaintext"], made["CiphertextBlob"]

    def unwrap(self, name: str, wrapped: bytes) -> bytes:
        """The key of that name, as KMS opens it."""
        with self._asking("open a key"):
            found = self._aws.kms.decrypt(
                KeyId=self._key, CiphertextBlob=wrapped, EncryptionContext=self._context(name)
            )
        plain: bytes = found["Plaintext"]
        return plain

    def rewrap(self, name: str, wrapped: bytes, before: Guard) -> bytes:
        """The key that `before` wrapped, wrapped by this key."""
        plain = before.unwrap(name, wrapped)
        with self._asking("wrap a key"):
            made = self._aws.kms.encrypt(
                KeyId=self._key, Plaintext=plain, EncryptionContext=self._context(name)
            )
        content: bytes = made["CiphertextBlob"]
        return content

    def _followed(self, alias: str) -> str:
        with told("find the key of the lake", alias):
            found = self._aws.kms.describe_key(KeyId=alias)
        arn: str = found["KeyMetadata"]["Arn"]
        return arn

    def _context(self, name: str) -> dict[str, str]:
        return {"a360:store": self._store, "a360:key": name}

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        client_error = importlib.import_module("botocore.exceptions").ClientError
        with told(f"{what} of the lake", self._key):
            try:
                yield
            except client_error as error:
                if error.response.get("Error", {}).get("Code") in _NOT_THIS:
                    raise NotOpenedError from None
                raise


class _Opener:
    """Finds the key of KMS that a keyring names."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def open(self, folder: Path, keyring: Keyring, content: bytes) -> tuple[Guard, bytes]:
        if keyring.guard.get("kind") != _KIND:
            raise OperatorError(
                "environment-unfit",
                "The keys in this folder are not guarded by KMS",
                where=str(folder),
                found=f"a guard of the kind {str(keyring.guard.get('kind'))[:40]!r}",
                next_step="open them as a local key store (a360.protect.LocalKeyStore)",
            )
        guard = KmsGuard(self._aws, str(keyring.guard.get("key")), keyring.store)
        place = folder / "keyring.json" if folder.is_dir() else folder
        try:
            return guard, keyring.root_under(guard, content, place)
        except NotOpenedError:
            raise broken(place, "KMS does not open the root of the secrets") from None


def _reopened(folder: str, environment: Environment) -> KeyStore:
    return KmsKeyStore.open(Path(folder), environment)
