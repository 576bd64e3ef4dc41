"""Updates of everything but snapshots: identity, version, schema, partitioning, order, properties, keys."""

from a360.catalog._errors import BadRequestError, ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._check_schema import check_schema
from a360.catalog.metadata._create import add_version_fields, format_version
from a360.catalog.metadata._draft import Draft
from a360.catalog.metadata._partitioning import (
    bound_spec,
    check_fields,
    last_partition_id,
    same_order,
    same_spec,
    sequential_spec,
)
from a360.catalog.metadata._schemas import highest_id, same_schema


def assign_uuid(draft: Draft, update: Json) -> None:
    """Give a new table its identity."""
    known, wanted = draft.get("table-uuid"), str(update["uuid"]).lower()
    if known is not None and known.lower() != wanted:
        raise BadRequestError("Cannot reassign uuid")
    if known is None:
        draft.set("table-uuid", wanted)


def upgrade_format_version(draft: Draft, update: Json) -> None:
    """Move to a later format version; there is no way back."""
    wanted = format_version(update["format-version"])
    if wanted < draft.version:
        raise BadRequestError(f"Cannot downgrade v{draft.version} table to v{wanted}")
    if wanted > draft.version:
        draft.set("format-version", wanted)
        add_version_fields(draft.document, wanted)


def add_schema(draft: Draft, update: Json) -> None:
    """Add a schema, or find the one that says the same."""
    schema: Json = update["schema"]
    check_schema(schema, draft.version)
    last = max(int(draft.get("last-column-id") or 0), highest_id(schema))
    same = next((each for each in draft.items("schemas") if same_schema(each, schema)), None)
    if same is None:
        number = max((each["schema-id"] for each in draft.items("schemas")), default=-1) + 1
        draft.append("schemas", {**schema, "type": "struct", "schema-id": number})
    else:
        number = same["schema-id"]
    draft.remember("schema", number)
    draft.set("last-column-id", last)


def set_current_schema(draft: Draft, update: Json) -> None:
    """Make a schema current."""
    number = draft.resolve("schema", update["schema-id"])
    if not any(each["schema-id"] == number for each in draft.items("schemas")):
        raise ValidationError(f"Cannot set current schema to unknown schema: {number}")
    draft.set("current-schema-id", number)


def remove_schemas(draft: Draft, update: Json) -> None:
    """Forget schemas that no snapshot needs any more."""
    gone = set(update["schema-ids"])
    if draft.get("current-schema-id") in gone:
        raise ValidationError("Cannot remove the current schema")
    draft.keep("schemas", [each for each in draft.items("schemas") if each["schema-id"] not in gone])


def add_spec(draft: Draft, update: Json) -> None:
    """Add a partition spec, or find the one that partitions alike."""
    spec: Json = update["spec"]
    check_fields(spec["fields"], draft.schema(), "partition")
    specs = draft.items("partition-specs")
    same = next((each for each in specs if same_spec(each, spec)), None)
    if same is None:
        number = max((each["spec-id"] for each in specs), default=-1) + 1
        last = int(draft.get("last-partition-id") or last_partition_id([]))
        first = draft.version == 1
        bound = sequential_spec(spec, number) if first else bound_spec(spec, number, specs, last)
        draft.append("partition-specs", bound)
        draft.set("last-partition-id", max(last, last_partition_id([bound])))
    else:
        number = same["spec-id"]
    draft.remember("spec", number)


def set_default_spec(draft: Draft, update: Json) -> None:
    """Make a partition spec the one of new files."""
    number = draft.resolve("spec", update["spec-id"])
    if not any(each["spec-id"] == number for each in draft.items("partition-specs")):
        raise ValidationError(f"Cannot set default partition spec to unknown spec: {number}")
    draft.set("default-spec-id", number)


def remove_partition_specs(draft: Draft, update: Json) -> None:
    """Forget partition specs that no file has any more."""
    gone = set(update["spec-ids"])
    if draft.get("default-spec-id") in gone:
        raise ValidationError("Cannot remove the default partition spec")
    draft.keep(
        "partition-specs", [each for each in draft.items("partition-specs") if each["spec-id"] not in gone]
    )


def add_sort_order(draft: Draft, update: Json) -> None:
    """Add a sort order, or find the one that sorts alike; sorting by nothing is always order 0."""
    order: Json = update["sort-order"]
    check_fields(order["fields"], draft.schema(), "sort")
    orders = draft.items("sort-orders")
    same = next((each for each in orders if same_order(each, order)), None)
    if same is None:
        highest = max((each["order-id"] for each in orders), default=0)
        number = highest + 1 if order["fields"] else 0
        draft.append("sort-orders", {"order-id": number, "fields": order["fields"]})
    else:
        number = same["order-id"]
    draft.remember("sort order", number)


def set_default_sort_order(draft: Draft, update: Json) -> None:
    """Make a sort order the one of new files."""
    number = draft.resolve("sort order", update["sort-order-id"])
    if not any(each["order-id"] == number for each in draft.items("sort-orders")):
        raise ValidationError(f"Cannot set default sort order to unknown sort order: {number}")
    draft.set("default-sort-order-id", number)


def set_location(draft: Draft, update: Json) -> None:
    """Say where new files go; files that exist stay where they are."""
    draft.set("location", str(update["location"]).rstrip("/"))


def set_properties(draft: Draft, update: Json) -> None:
    """Set properties; `format-version` among them is an upgrade, not a property."""
    wanted = {str(key): str(value) for key, value in update["updates"].items()}
    version = wanted.pop("format-version", None)
    if version is not None:
        upgrade_format_version(draft, {"format-version": version})
    draft.set("properties", {**(draft.get("properties") or {}), **wanted})


def remove_properties(draft: Draft, update: Json) -> None:
    """Remove properties; those that are not there do not matter."""
    gone = set(update["removals"])
    kept = {key: value for key, value in (draft.get("properties") or {}).items() if key not in gone}
    draft.set("properties", kept)


def add_encryption_key(draft: Draft, update: Json) -> None:
    """Add a wrapped table key (v3)."""
    key: Json = update["encryption-key"]
    if not any(known["key-id"] == key["key-id"] for known in draft.items("encryption-keys")):
        draft.append("encryption-keys", key)


def remove_encryption_key(draft: Draft, update: Json) -> None:
    """Forget a wrapped table key (v3)."""
    draft.keep(
        "encryption-keys",
        [key for key in draft.items("encryption-keys") if key["key-id"] != update["key-id"]],
    )
