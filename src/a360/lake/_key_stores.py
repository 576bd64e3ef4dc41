"""The key store of a lake: who guards it, the environment says; where it says nothing, a local one."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from a360.contract import LOCAL, Environment, default_contracts, load_environment
from a360.errors import UsageError
from a360.protect.keys import Form, LocalForm, LocalKeyStore, PackedKeyStore
from a360.settings import Settings

if TYPE_CHECKING:
    from a360.aws import KmsKeyStore


class KeyStores:
    """Opens and makes the key store of the lake that settings name. There is no fallback to another form."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.lake / "keys"

    def open(self) -> PackedKeyStore:
        """The key store; OperatorError where it does not open, or is of another form."""
        environment = self._environment()
        if environment is None:
            return LocalKeyStore.open(self.folder, self._passphrase())
        return _kms().open(self.folder, environment)

    def _passphrase(self) -> Callable[[], str] | None:
        """What gives the passphrase, where settings name a secret; asked where the keys have one."""
        from a360.lake._secrets import secret_named  # noqa: PLC0415 -- few lakes have one

        named, settings = self._settings.passphrase_secret, self._settings
        return (lambda: secret_named(settings, named, "passphrase_secret")) if named else None

    def create(self, folder: Path) -> None:
        """Make a key store, or open the one that is there."""
        environment = self._environment()
        if environment is None:
            LocalKeyStore.create(folder)
        else:
            _kms().create(folder, environment, _key_of(environment))

    def rotate(self, store: PackedKeyStore) -> None:
        """Have a new master key, or the key of KMS that the environment names now, wrap everything."""
        environment = self._environment()
        if isinstance(store, LocalKeyStore):
            store.rotate()
        elif environment is not None:
            _kms().open(self.folder, environment).rotate(_key_of(environment))

    def form(self, passphrase: Callable[[], str] | None, master: Path) -> Form:
        """What brings keys back into this form of store."""
        environment = self._environment()
        if environment is None:
            return LocalForm(passphrase, master)
        from a360.aws import KmsForm  # noqa: PLC0415 -- an extra

        return KmsForm(environment, _key_of(environment), passphrase)

    def _environment(self) -> Environment | None:
        """The environment, where it says who guards the keys."""
        if self._settings.env == LOCAL:
            return None
        environment = load_environment(self._settings.contracts or default_contracts(), self._settings.env)
        return environment if environment.keys else None


def require_local(store: PackedKeyStore) -> LocalKeyStore:
    """A store that can have a passphrase."""
    if not isinstance(store, LocalKeyStore):
        raise UsageError(
            "usage",
            "Keys that a service guards have no passphrase",
            next_step="who may use the key of the service opens them; `a360 keys export` makes an escrow",
        )
    return store


def _kms() -> "type[KmsKeyStore]":
    from a360.aws import KmsKeyStore  # noqa: PLC0415 -- an extra

    return KmsKeyStore


def _key_of(environment: Environment) -> str:
    if environment.keys is None:
        raise ValueError("the environment names no key")
    return environment.keys.key
