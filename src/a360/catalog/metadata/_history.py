"""What a commit leaves behind: the metadata log, and normal form for metadata written by others."""

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._create import SUPPORTED_VERSIONS, add_version_fields
from a360.catalog.metadata._partitioning import UNSORTED, last_partition_id
from a360.catalog.metadata._schemas import highest_id
from a360.catalog.metadata._views import view_normal_form

_KEPT_DEFAULT = 100
_LINKS = (
    ("current-schema-id", "schemas", "schema-id"),
    ("default-spec-id", "partition-specs", "spec-id"),
    ("default-sort-order-id", "sort-orders", "order-id"),
)


def with_predecessor(document: Json, base: Json, base_location: str) -> tuple[Json, list[str]]:
    """The metadata with its predecessor in the log, and the older metadata files that fell out of the log."""
    entry = {"metadata-file": base_location, "timestamp-ms": base["last-updated-ms"]}
    log = [*(base.get("metadata-log") or ()), entry]
    kept = max(1, _number(document, "write.metadata.previous-versions-max", _KEPT_DEFAULT))
    dropped = [each["metadata-file"] for each in log[:-kept]]
    return {**document, "metadata-log": log[-kept:]}, dropped if _deletes(document) else []


def _number(document: Json, key: str, default: int) -> int:
    text = (document.get("properties") or {}).get(key)
    return int(text) if isinstance(text, str) and text.isdigit() else default


def _deletes(document: Json) -> bool:
    # Unlike other catalogs we delete unless told not to: a lake on a laptop has nobody to sweep after it.
    text = (document.get("properties") or {}).get("write.metadata.delete-after-commit.enabled", "true")
    return str(text).lower() == "true"


def normal_form(document: Json) -> Json:
    """Metadata of another writer in the form our updates expect (`refs`, `schemas`, no `-1`).

    Raises:
        ValidationError: It is neither table nor view metadata of a version we know.
    """
    if "view-uuid" in document:
        return view_normal_form(document)
    if document.get("format-version") not in SUPPORTED_VERSIONS or not document.get("location"):
        raise ValidationError("Invalid table metadata: no supported format version, or no location")
    result = {key: value for key, value in document.items() if value is not None}
    _normal_snapshots(result)
    _normal_structure(result)
    add_version_fields(result, result["format-version"])
    _check_links(result)
    return result


def _check_links(result: Json) -> None:
    """Refuse metadata whose current schema, spec, order or snapshots are not in it."""
    for current, listed, number in _LINKS:
        if not any(each[number] == result.get(current) for each in result[listed]):
            raise ValidationError(f"Invalid table metadata: its {current} is none of its {listed}")
    known = {each["snapshot-id"] for each in result["snapshots"]}
    lost = [name for name, ref in result["refs"].items() if ref["snapshot-id"] not in known]
    if lost:
        raise ValidationError(f"Invalid table metadata: {lost[0]} points at a snapshot it does not hold")


def _normal_snapshots(result: Json) -> None:
    if result.get("current-snapshot-id") == -1:
        result.pop("current-snapshot-id")
    current = result.get("current-snapshot-id")
    refs = dict(result.get("refs") or {})
    if current is not None and "main" not in refs:
        refs["main"] = {"snapshot-id": current, "type": "branch"}
    result["refs"] = refs
    for key in ("snapshots", "snapshot-log", "metadata-log"):
        result.setdefault(key, [])


def _normal_structure(result: Json) -> None:
    if "schemas" not in result:
        result["schemas"] = [{"schema-id": 0, **result["schema"]}]
        result["current-schema-id"] = result["schemas"][0]["schema-id"]
    if "partition-specs" not in result:
        result["partition-specs"] = [{"spec-id": 0, "fields": result.get("partition-spec") or []}]
        result["default-spec-id"] = 0
    result.setdefault("last-partition-id", last_partition_id(result["partition-specs"]))
    result.setdefault("last-column-id", max(map(highest_id, result["schemas"]), default=0))
    result.setdefault("sort-orders", [UNSORTED])
    result.setdefault("default-sort-order-id", result["sort-orders"][0]["order-id"])
    result.setdefault("properties", {})
