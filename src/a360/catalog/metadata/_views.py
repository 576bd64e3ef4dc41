"""View metadata as raw JSON: creation, updates, requirements, and how long versions are kept."""

import uuid
from collections.abc import Callable, Mapping, Sequence

from a360.catalog._errors import BadRequestError, ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._check_schema import check_schema
from a360.catalog.metadata._draft import LAST_ADDED
from a360.catalog.metadata._requirements import check_uuid
from a360.catalog.metadata._schemas import same_schema
from a360.catalog.metadata._shapes import REQUIREMENTS, UPDATES, ViewRequest, check_shape, without_nulls
from a360.catalog.metadata._view_versions import ViewDraft, close_version_log, same_version, sql_dialects

VIEW_VERSION = 1
VIEW_REQUIREMENT = "assert-view-uuid"


def new_view(request: Json, location: str) -> Json:
    """What a CreateViewRequest asks for, as complete view metadata.

    Raises:
        ValidationError: It makes no whole view.
    """
    check_shape(request, ViewRequest, "request")
    version: Json = request["view-version"]
    if not version["representations"]:
        raise ValidationError("Cannot create view without specifying a query")
    if not version.get("default-namespace"):
        raise ValidationError("Cannot create view without specifying a default namespace")
    empty: Json = {
        "format-version": VIEW_VERSION,
        "versions": [],
        "version-log": [],
        "schemas": [],
        "properties": {},
    }
    return apply_view_updates(
        empty,
        [
            {"action": "assign-uuid", "uuid": str(uuid.uuid4())},
            {"action": "set-location", "location": location},
            {"action": "set-properties", "updates": request.get("properties") or {}},
            {"action": "add-schema", "schema": request["schema"]},
            {"action": "add-view-version", "view-version": {**version, "schema-id": LAST_ADDED}},
            {"action": "set-current-view-version", "view-version-id": LAST_ADDED},
        ],
    )


def apply_view_updates(base: Json, updates: Sequence[Json]) -> Json:
    """New metadata after all updates, in their order; the base itself where they change nothing.

    Raises:
        BadRequestError: An update is unknown, malformed or would make the metadata invalid.
    """
    draft = ViewDraft(base)
    for update in updates:
        action = update.get("action")
        if not isinstance(action, str) or action not in _UPDATES:
            raise BadRequestError(f"Cannot apply unknown update to a view: {action}")
        check_shape(update, UPDATES[action], f"update {action}")
        _UPDATES[action](draft, without_nulls(update))
    if draft.document == base:
        return base
    close_version_log(draft)
    return draft.document


def check_view_requirements(base: Json, requirements: Sequence[Json]) -> None:
    """Check all requirements of a commit to a view.

    Raises:
        CommitFailedError: One of them does not hold.
        BadRequestError: One of them is unknown or malformed.
    """
    for requirement in requirements:
        kind = requirement.get("type")
        if kind != VIEW_REQUIREMENT:
            raise BadRequestError(f"Cannot check unknown requirement of a view: {kind}")
        check_shape(requirement, REQUIREMENTS[kind], f"requirement {kind}")
        check_uuid(base["view-uuid"], requirement["uuid"], "view UUID")


def view_normal_form(document: Json) -> Json:
    """View metadata of another writer, with what is optional filled in.

    Raises:
        ValidationError: It is not view metadata of a version we know.
    """
    versions = document.get("versions") or []
    current = document.get("current-version-id")
    if document.get("format-version") != VIEW_VERSION or not document.get("location"):
        raise ValidationError("Invalid view metadata: no supported format version, or no location")
    if not any(each.get("version-id") == current for each in versions):
        raise ValidationError(f"Cannot find current version {current} in view versions")
    return {"properties": {}, "version-log": [], **document}


def _assign_uuid(draft: ViewDraft, update: Json) -> None:
    known, wanted = draft.get("view-uuid"), str(update["uuid"]).lower()
    if known is not None and str(known).lower() != wanted:
        raise BadRequestError("Cannot reassign uuid")
    if known is None:
        draft.set("view-uuid", wanted)


def _upgrade_format_version(draft: ViewDraft, update: Json) -> None:
    wanted, known = int(update["format-version"]), int(draft.document["format-version"])
    if wanted < known:
        raise BadRequestError(f"Cannot downgrade v{known} view to v{wanted}")
    if wanted > known:
        raise BadRequestError(f"Unsupported format version: v{wanted} (supported: v{VIEW_VERSION})")


def _add_schema(draft: ViewDraft, update: Json) -> None:
    schema: Json = update["schema"]
    check_schema(schema)
    same = next((each for each in draft.items("schemas") if same_schema(each, schema)), None)
    number = draft.next_id("schemas", "schema-id", 0) if same is None else same["schema-id"]
    if same is None:
        draft.append("schemas", {**schema, "type": "struct", "schema-id": number})
    draft.last_schema = number


def _set_location(draft: ViewDraft, update: Json) -> None:
    draft.set("location", str(update["location"]).rstrip("/"))


def _set_properties(draft: ViewDraft, update: Json) -> None:
    wanted = {str(key): str(value) for key, value in update["updates"].items()}
    draft.set("properties", {**(draft.get("properties") or {}), **wanted})


def _remove_properties(draft: ViewDraft, update: Json) -> None:
    gone = set(update["removals"])
    kept = {key: value for key, value in (draft.get("properties") or {}).items() if key not in gone}
    draft.set("properties", kept)


def _add_view_version(draft: ViewDraft, update: Json) -> None:
    version: Json = update["view-version"]
    schema_id = version["schema-id"]
    if schema_id == LAST_ADDED:
        if draft.last_schema is None:
            raise ValidationError("Cannot set last added schema: no schema has been added")
        schema_id = draft.last_schema
    if not any(each["schema-id"] == schema_id for each in draft.items("schemas")):
        raise ValidationError(f"Cannot add version with unknown schema: {schema_id}")
    sql_dialects(version)
    added = {**version, "schema-id": schema_id}
    same = next((each for each in draft.items("versions") if same_version(each, added)), None)
    if same is None:
        number = draft.next_id("versions", "version-id", int(version["version-id"]))
        draft.append("versions", {**added, "version-id": number})
        draft.added_versions.add(number)
    else:
        number = same["version-id"]
    draft.last_version = number


def _set_current_view_version(draft: ViewDraft, update: Json) -> None:
    number = update["view-version-id"]
    if number == LAST_ADDED:
        if draft.last_version is None:
            raise ValidationError("Cannot set last version id: no current version id has been set")
        number = draft.last_version
    if not any(each["version-id"] == number for each in draft.items("versions")):
        raise ValidationError(f"Cannot set current version to unknown version: {number}")
    draft.set("current-version-id", number)


_UPDATES: Mapping[str, Callable[[ViewDraft, Json], None]] = {
    "assign-uuid": _assign_uuid,
    "upgrade-format-version": _upgrade_format_version,
    "add-schema": _add_schema,
    "set-location": _set_location,
    "set-properties": _set_properties,
    "remove-properties": _remove_properties,
    "add-view-version": _add_view_version,
    "set-current-view-version": _set_current_view_version,
}

VIEW_UPDATE_ACTIONS = frozenset(_UPDATES)
