"""What a commit demands of the state it is applied to."""

from collections.abc import Mapping, Sequence

from a360.catalog._errors import BadRequestError, CommitFailedError
from a360.catalog._wire import Json
from a360.catalog.metadata._shapes import REQUIREMENTS, check_shape

ASSERT_CREATE = "assert-create"

# Requirement type → (its field, the metadata's field, what a message calls it).
_EQUALITIES: Mapping[str, tuple[str, str, str]] = {
    "assert-last-assigned-field-id": (
        "last-assigned-field-id",
        "last-column-id",
        "last assigned field id changed",
    ),
    "assert-current-schema-id": ("current-schema-id", "current-schema-id", "current schema changed"),
    "assert-last-assigned-partition-id": (
        "last-assigned-partition-id",
        "last-partition-id",
        "last assigned partition id changed",
    ),
    "assert-default-spec-id": ("default-spec-id", "default-spec-id", "default partition spec changed"),
    "assert-default-sort-order-id": (
        "default-sort-order-id",
        "default-sort-order-id",
        "default sort order changed",
    ),
}

REQUIREMENT_TYPES = frozenset({*_EQUALITIES, ASSERT_CREATE, "assert-table-uuid", "assert-ref-snapshot-id"})


def asks_to_create(requirements: Sequence[Json]) -> bool:
    """Whether a commit is the second half of a staged creation."""
    return any(each.get("type") == ASSERT_CREATE for each in requirements)


def check_requirements(base: Json | None, requirements: Sequence[Json]) -> None:
    """Check all requirements of a commit; `base` is None where the table does not exist.

    Raises:
        CommitFailedError: One of them does not hold.
        BadRequestError: One of them is unknown or malformed.
    """
    if asks_to_create(requirements) and any(each.get("type") != ASSERT_CREATE for each in requirements):
        others = sorted({str(each.get("type")) for each in requirements} - {ASSERT_CREATE})
        raise BadRequestError(f"Invalid create requirements: {', '.join(others)}")
    for requirement in requirements:
        _check(base, requirement)


def _check(base: Json | None, requirement: Json) -> None:
    kind = requirement.get("type")
    if not isinstance(kind, str) or kind not in REQUIREMENT_TYPES:
        raise BadRequestError(f"Cannot check unknown requirement: {kind}")
    check_shape(requirement, REQUIREMENTS[kind], f"requirement {kind}")
    if kind == ASSERT_CREATE:
        if base is not None:
            raise CommitFailedError("Requirement failed: table already exists")
    elif base is None:
        raise CommitFailedError("Requirement failed: current table metadata is missing")
    elif kind == "assert-table-uuid":
        check_uuid(base.get("table-uuid"), requirement["uuid"], "UUID")
    elif kind == "assert-ref-snapshot-id":
        _check_ref(base, requirement["ref"], requirement.get("snapshot-id"))
    else:
        theirs, ours, words = _EQUALITIES[kind]
        expected, found = requirement[theirs], base.get(ours)
        if expected != found:
            raise CommitFailedError(f"Requirement failed: {words}: expected id {expected} != {found}")


def check_uuid(found: object, expected: object, words: str) -> None:
    """Compare the identity of a table or view with the one a commit was made for.

    Raises:
        CommitFailedError: It is another's.
    """
    if str(found).lower() != str(expected).lower():
        raise CommitFailedError(f"Requirement failed: {words} does not match: expected {found} != {expected}")


def _check_ref(base: Json, name: str, expected: int | None) -> None:
    ref = (base.get("refs") or {}).get(name)
    if ref is None:
        if expected is not None:
            raise CommitFailedError(
                f"Requirement failed: branch or tag {name} is missing, expected {expected}"
            )
        return
    kind, found = ref.get("type", "branch"), ref["snapshot-id"]
    if expected is None:
        raise CommitFailedError(f"Requirement failed: {kind} {name} was created concurrently")
    if expected != found:
        raise CommitFailedError(
            f"Requirement failed: {kind} {name} has changed: expected id {expected} != {found}"
        )
