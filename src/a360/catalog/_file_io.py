"""PyIceberg's access to files, for readers of ours: it opens none that is not what was committed."""

from weakref import WeakValueDictionary

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.typedef import Properties

from a360.catalog.store import CheckedFiles
from a360.errors import OperatorError

PROPERTY = "a360.checked-files"

_FILES: WeakValueDictionary[str, CheckedFiles] = WeakValueDictionary()


def checked_properties(files: CheckedFiles) -> dict[str, str]:
    """What a catalog client is told so that its tables are read this way."""
    key = hex(id(files))
    _FILES[key] = files
    return {"py-io-impl": f"{__name__}.{CheckedFileIO.__name__}", PROPERTY: key}


class CheckedFileIO(PyArrowFileIO):
    """Arrow's access to files, behind the ledger."""

    def __init__(self, properties: Properties | None = None) -> None:
        super().__init__(properties or {})

    @property
    def _files(self) -> CheckedFiles:
        files = _FILES.get(self.properties[PROPERTY])
        if files is None:
            raise OperatorError(
                "catalog-unreachable",
                "A table is used after its lake was closed",
                next_step="use it while the lake is open",
            )
        return files

    def new_input(self, location: str) -> PyArrowFile:
        """A file to be read.

        Raises:
            DataError: `file-damaged`.
            OperatorError: The lake that the table is of was closed.
        """
        self._files.require([location])
        return super().new_input(location)

    def new_output(self, location: str) -> PyArrowFile:
        """A file to be written; until it is committed it may be read as it is."""
        self._files.expect([location])
        return super().new_output(location)
