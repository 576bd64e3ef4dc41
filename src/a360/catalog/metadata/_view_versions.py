"""The versions of a view: what they say, which is current, and which are forgotten."""

from a360.catalog._errors import ValidationError
from a360.catalog._wire import Json
from a360.catalog.metadata._create import now_ms
from a360.catalog.metadata._document import Document

_HISTORY = "version.history.num-entries"
_HISTORY_DEFAULT = 10
_MAY_DROP = "replace.drop-dialect.allowed"
_MEANING = ("schema-id", "summary", "representations", "default-catalog", "default-namespace")


class ViewDraft(Document):
    """A view's metadata, with what the updates of one commit must remember of each other."""

    def __init__(self, base: Json) -> None:
        super().__init__(base)
        self.added_versions: set[int] = set()
        self.last_version: int | None = None
        self.last_schema: int | None = None

    def next_id(self, key: str, name: str, wanted: int) -> int:
        """The id asked for, or one above all in use."""
        return max([wanted, *(int(each[name]) + 1 for each in self.items(key))])

    def current(self, document: Json) -> Json | None:
        """The current version of this draft's metadata or of its base."""
        number = document.get("current-version-id")
        return next((each for each in document.get("versions") or () if each["version-id"] == number), None)


def same_version(one: Json, other: Json) -> bool:
    """Whether two versions behave the same, whatever their ids and times."""
    return all(one.get(key) == other.get(key) for key in _MEANING)


def sql_dialects(version: Json) -> set[str]:
    """The dialects a version is written in, in lower case.

    Raises:
        ValidationError: A dialect has two queries, or a representation is no SQL.
    """
    found: set[str] = set()
    for each in version["representations"]:
        if each["type"] != "sql":
            raise ValidationError(f"Found unsupported view representations: {each['type']}")
        dialect = str(each["dialect"]).lower()
        if not each["sql"].strip():
            raise ValidationError(f"Invalid view version: the query for dialect {dialect} is empty")
        if dialect in found:
            raise ValidationError(f"Invalid view version: Cannot add multiple queries for dialect {dialect}")
        found.add(dialect)
    return found


def close_version_log(draft: ViewDraft) -> None:
    """Log the version made current by a commit, and forget versions beyond those that are to be kept.

    Raises:
        ValidationError: The view has no version or location, or would lose a dialect it had.
    """
    current = draft.current(draft.document)
    if current is None or not draft.get("location"):
        raise ValidationError("Invalid view: no versions were added, or it has no location")
    number = current["version-id"]
    if number != draft.base.get("current-version-id"):
        added = number in draft.added_versions
        time = current["timestamp-ms"] if added else now_ms()
        draft.append("version-log", {"version-id": number, "timestamp-ms": time})
    _check_dialects(draft, current)
    _expire(draft, number)


def _check_dialects(draft: ViewDraft, current: Json) -> None:
    before = draft.current(draft.base)
    if before is None or str(_properties(draft).get(_MAY_DROP, "false")).lower() == "true":
        return
    lost = sql_dialects(before) - sql_dialects(current)
    if lost:
        raise ValidationError(
            f"Cannot replace view due to loss of view dialects ({_MAY_DROP}=false): {', '.join(sorted(lost))}"
        )


def _expire(draft: ViewDraft, current: int) -> None:
    text = str(_properties(draft).get(_HISTORY, _HISTORY_DEFAULT))
    if not text.isdigit() or int(text) < 1:
        raise ValidationError(f"{_HISTORY} must be positive but was {text}")
    kept = max(int(text), len({current, *draft.added_versions}))
    versions = draft.items("versions")
    if len(versions) <= kept:
        return
    newest = sorted((each["version-id"] for each in versions if each["version-id"] != current), reverse=True)
    staying = {current, *newest[: kept - 1]}
    draft.set("versions", [each for each in versions if each["version-id"] in staying])
    log = draft.items("version-log")
    # What was current before a forgotten version cannot be told without a gap.
    gaps = [place for place, entry in enumerate(log) if entry["version-id"] not in staying]
    draft.set("version-log", log[gaps[-1] + 1 :] if gaps else log)


def _properties(draft: ViewDraft) -> Json:
    found: Json = draft.get("properties") or {}
    return found
