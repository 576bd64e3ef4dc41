"""Keys in packs: a small file of wrapped keys of packs, and packs of wrapped data keys.

`LocalKeyStore` is the key store of a lake in a folder. `PackedKeyStore` is what any key store over packs
does, given a `Guard` that wraps the packs' keys, and an `Opener` that finds the guard.
"""

from a360.protect.keys._archive import Form, ImportReport, LocalForm, back_up, bring_back, export, import_keys
from a360.protect.keys._faults import broken
from a360.protect.keys._guards import Guard, NotOpenedError
from a360.protect.keys._keyring import Keyring
from a360.protect.keys._local import LocalKeyStore, create_folder, open_key_store
from a360.protect.keys._openers import MASTER, LocalOpener, Opener, require_private_folder
from a360.protect.keys._passphrase import KIND as BY_PASSPHRASE
from a360.protect.keys._passphrase import Passphrase, passphrase_in, typed_passphrase
from a360.protect.keys._store import KeyStoreStatus, PackedKeyStore, locked, put_aside

__all__ = [
    "BY_PASSPHRASE",
    "MASTER",
    "Form",
    "Guard",
    "ImportReport",
    "KeyStoreStatus",
    "Keyring",
    "LocalForm",
    "LocalKeyStore",
    "LocalOpener",
    "NotOpenedError",
    "Opener",
    "PackedKeyStore",
    "Passphrase",
    "back_up",
    "bring_back",
    "broken",
    "create_folder",
    "export",
    "import_keys",
    "locked",
    "open_key_store",
    "passphrase_in",
    "put_aside",
    "require_private_folder",
    "typed_passphrase",
]
