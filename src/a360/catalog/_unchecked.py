"""Files that await their commit, which no ledger has yet."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.io import FileIO
    from pyiceberg.io.pyarrow import PyArrowFileIO


def unchecked(access: "FileIO") -> "PyArrowFileIO":
    """A table's access to files, to those as well that are not committed yet."""
    from pyiceberg.io.pyarrow import PyArrowFileIO  # noqa: PLC0415 -- costs a second

    from a360.catalog._file_io import CheckedFileIO  # noqa: PLC0415 -- likewise

    if isinstance(access, PyArrowFileIO) and not isinstance(access, CheckedFileIO):
        return access
    return PyArrowFileIO(access.properties)
