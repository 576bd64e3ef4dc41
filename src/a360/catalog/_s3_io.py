"""PyIceberg's access to files in S3, by credentials that are renewed."""

from functools import lru_cache
from weakref import WeakValueDictionary

from pyarrow.fs import FileSystem, S3FileSystem
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.typedef import Properties

from a360.catalog._storage import S3Credentials, S3Storage
from a360.errors import OperatorError

PROPERTY = "a360.s3-storage"
_SCHEMES = frozenset({"s3", "s3a"})
_CONNECT_SECONDS = 10.0
_REQUEST_SECONDS = 60.0


class _Held:
    """A storage that sessions hold, so that a key may stand for it in properties, which hold texts alone."""

    def __init__(self, storage: S3Storage) -> None:
        self.storage = storage
        self.system = lru_cache(maxsize=2)(self._system)

    def _system(self, credentials: S3Credentials) -> FileSystem:
        storage = self.storage
        return S3FileSystem(
            access_key=credentials.access_key,
            secret_key=credentials.secret_key,
            session_token=credentials.session_token,
            region=storage.region,
            scheme="https" if storage.encrypted else "http",
            endpoint_override=storage.host,
            connect_timeout=_CONNECT_SECONDS,
            request_timeout=_REQUEST_SECONDS,
            tls_ca_file_path=storage.certificates,
        )


_STORAGES: WeakValueDictionary[str, _Held] = WeakValueDictionary()


class S3Reading:
    """Lets a catalog client's tables be read and written in a storage, for as long as it is kept."""

    def __init__(self, storage: S3Storage) -> None:
        self._held = _Held(storage)
        self._key = hex(id(self._held))
        _STORAGES[self._key] = self._held

    @property
    def properties(self) -> dict[str, str]:
        """What a catalog client is told."""
        return {"py-io-impl": f"{__name__}.{S3FileIO.__name__}", PROPERTY: self._key}


class S3FileIO(PyArrowFileIO):
    """Arrow's access to S3; what a catalog says of credentials and addresses is not heeded."""

    def __init__(self, properties: Properties | None = None) -> None:
        super().__init__(properties or {})
        self.fs_by_scheme = self._by_scheme

    def _by_scheme(self, scheme: str, netloc: str | None = None) -> FileSystem:
        if scheme not in _SCHEMES:
            return self._initialize_fs(scheme, netloc)
        held = _STORAGES.get(self.properties[PROPERTY])
        if held is None:
            raise OperatorError(
                "catalog-unreachable",
                "A table is used after its lake was closed",
                next_step="use it while the lake is open",
            )
        return held.system(held.storage.credentials())
