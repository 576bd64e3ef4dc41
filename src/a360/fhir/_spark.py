"""Views on the local Spark of this process."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import zstandard

from a360.contract import quote_text
from a360.errors import DataError, InternalError
from a360.fhir._compile import CompiledView, compile_view
from a360.fhir._stopped import stopped_by
from a360.fhir._struct import StructNode
from a360.jvm import spark_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPE = "resourceType"
_BYTES_AT_ONCE = 1 << 20
_NO_RESOURCE = "A line of the input is no FHIR resource"


def collected(compiled: CompiledView, payloads: Sequence[str]) -> list[Sequence[Any]]:
    """The rows of a view over the JSON texts of resources."""
    texts = pa.table({"payload": pa.array(payloads, pa.string())})
    parsed = f"from_json(payload, {quote_text(compiled.struct.spark_type())}) AS resource"
    with spark_session() as session:
        _named(session.createDataFrame(texts).selectExpr(parsed), compiled)
        rows: list[Sequence[Any]] = session.sql(compiled.sql).collect()
    return rows


def view_parquet(view: Mapping[str, Any] | str, files: Sequence[Path], folder: Path) -> list[Path]:
    """Run a view over files of NDJSON, plain or packed as .gz or .zst, and write its rows as Parquet.

    The lines of other resource types are passed over. Decimals keep the digits that the files have.

    Args:
        view: The ViewDefinition, as JSON text or as the object it stands for.
        files: The files to read, whatever their names.
        folder: An empty folder, private to the caller.

    Returns:
        The files of the rows in `folder`, in the order of the lines they come from.

    Raises:
        ViewError: The view has faults.
        DataError: `view-stopped`, or `input-refused` where a line is no resource.
        OperatorError: Spark or its Java is not installed.
    """
    compiled = compile_view(view, "spark")
    written = folder / "rows"
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="input-") as place,
        spark_session() as session,
        _told(),
    ):
        paths = [_readable(path, number, Path(place)) for number, path in enumerate(files)]
        _require_objects(session, paths)
        _rows(session, compiled, paths).write.parquet(str(written), compression="zstd")
    return sorted(written.glob("*.parquet"))


def explained(compiled: CompiledView, files: Sequence[Path]) -> str:
    """Spark's plan of a view over files."""
    with spark_session() as session:
        rows = _rows(session, compiled, files)
        plan: str = rows._jdf.queryExecution().toString()  # noqa: SLF001 - explain() prints
    return plan


def _rows(session: "SparkSession", compiled: CompiledView, paths: Sequence[Path]) -> "DataFrame":
    _named(_resources(session, compiled.struct, paths), compiled)
    return session.sql(compiled.sql)


def _named(resources: "DataFrame", compiled: CompiledView) -> None:
    [source] = compiled.sources
    resources.createOrReplaceTempView(source)


def _readable(path: Path, number: int, place: Path) -> Path:
    """The file under a name that Spark takes as it is: it expands patterns, and passes `_x` and `.x` over."""
    if path.suffix.lower() == ".zst":
        plain = place / f"{number:06}.ndjson"
        with path.open("rb") as packed, plain.open("wb") as file:
            frames = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
            shutil.copyfileobj(frames, file, _BYTES_AT_ONCE)
        return plain
    named = place / f"{number:06}.ndjson{'.gz' if path.suffix.lower() == '.gz' else ''}"
    named.symlink_to(path.resolve())
    return named


def _require_objects(session: "SparkSession", paths: Sequence[Path]) -> None:
    """Raise where a line holds anything but one JSON object: Spark passes over what follows the first."""
    lines = session.read.text([str(path) for path in paths], lineSep="\n")
    parsed = f"from_json(concat('[', value, ']'), 'ARRAY<STRUCT<`{_TYPE}`: STRING>>')"
    if lines.where(f"value RLIKE '[^ \\\\t\\\\r]' AND coalesce(size({parsed}), 0) <> 1").count():
        raise _no_resource()


def _no_resource() -> DataError:
    return DataError("input-refused", _NO_RESOURCE, next_step="mend or remove it")


def _resources(session: "SparkSession", struct: StructNode, paths: Sequence[Path]) -> "DataFrame":
    """The lines that hold one type of resources, each read once, with the types of the view's struct."""
    kinds = {_TYPE: "STRING"} | {name: child.spark_type() for name, child in struct.children.items()}
    schema = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
    # An encoding that is named would cost decimals their digits.
    lines = session.read.schema(schema).json([str(path) for path in paths], lineSep="\n")
    fields = ", ".join(f"`{name}`" for name in struct.children)
    return lines.where(
        f"CASE WHEN `{_TYPE}` IS NULL THEN raise_error({quote_text(_NO_RESOURCE)}) "
        f"ELSE `{_TYPE}` = {quote_text(struct.type)} END"
    ).selectExpr(f"struct({fields}) AS resource")


@contextmanager
def _told() -> Iterator[None]:
    """Spark's errors in our words: its own may quote values of a row."""
    from py4j.protocol import Py4JError  # noqa: PLC0415 - of the extra
    from pyspark.errors import PySparkException  # noqa: PLC0415 - likewise

    try:
        yield
    except zstandard.ZstdError:
        raise DataError(
            "input-refused", "An archive of the input is broken", next_step="fetch it once more"
        ) from None
    except (PySparkException, Py4JError) as error:
        stopped = stopped_by(error)
        if stopped is not None:
            raise stopped from None
        if _NO_RESOURCE in str(error):
            raise _no_resource() from None
        raise InternalError(
            "engine-failed",
            "Spark could not run the view",
            found=f"{type(error).__name__} (its text is withheld: it may quote values of a row)",
        ) from None
