"""Why an input unit is refused at ingest."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Rule(StrEnum):
    """The rules of ingest, as `quarantine.fhir_resource.rule` and `quarantine.record.rule` have them."""

    NOT_UTF8 = "not-utf8"
    NOT_JSON = "not-json"
    NOT_OBJECT = "not-object"
    TOO_DEEP = "too-deep"
    TOO_LONG = "too-long"
    DUPLICATE_KEYS = "duplicate-keys"
    NO_RESOURCE_TYPE = "no-resource-type"
    UNKNOWN_RESOURCE_TYPE = "unknown-resource-type"
    MISSING_ID = "missing-id"
    INVALID_ID = "invalid-id"
    INVALID_BUNDLE = "invalid-bundle"
    INVALID_DELETE = "invalid-delete"
    UNKNOWN_FORMAT = "unknown-format"
    BROKEN_ARCHIVE = "broken-archive"
    ARCHIVE_BOMB = "archive-bomb"
    BROKEN_FILE = "broken-file"
    DRIFT = "drift"
    MISSING_KEY = "missing-key"
    MISSING_TIME = "missing-time"
    UNREADABLE_TIME = "unreadable-time"
    MISSHAPEN = "misshapen"
    NO_PATIENT = "no-patient"
    MISSING_FILE = "missing-file"
    OUTSIDE_FOLDER = "outside-folder"
    INVALID_FIELD = "invalid-field"
    EMPTY_NOTE = "empty-note"
    REPEATED_ID = "repeated-id"
    UNLISTED_FILE = "unlisted-file"
    EMPTY_FILE = "empty-file"
    TOO_LARGE = "too-large"
    UNKNOWN_MEDIA = "unknown-media"
    MEDIA_TYPE_DIFFERS = "media-type-differs"
    DAMAGED_FILE = "damaged-file"
    NO_MSH = "no-msh"
    DELIMITERS = "delimiters"
    NO_TYPE = "no-type"
    TYPE_UNSUPPORTED = "type-unsupported"
    VERSION_UNKNOWN = "version-unknown"
    CHARSET_UNKNOWN = "charset-unknown"
    ENCODING = "encoding"
    SEGMENT_MISSING = "segment-missing"
    SEGMENT_ORDER = "segment-order"
    CONVERSION_FAILED = "conversion-failed"


OF_MESSAGES: Final = frozenset(
    {
        Rule.NO_MSH,
        Rule.DELIMITERS,
        Rule.NO_TYPE,
        Rule.TYPE_UNSUPPORTED,
        Rule.VERSION_UNKNOWN,
        Rule.CHARSET_UNKNOWN,
        Rule.ENCODING,
        Rule.SEGMENT_MISSING,
        Rule.SEGMENT_ORDER,
        Rule.CONVERSION_FAILED,
    }
)
"""Rules about an HL7 v2 message, which is kept whole: a better converter may take it."""

OF_ROWS: Final = frozenset({Rule.MISSING_KEY, Rule.MISSING_TIME, Rule.UNREADABLE_TIME, Rule.MISSHAPEN})
"""Rules about a record that could be read, which is kept as it was: another contract may take it."""

OF_FILES: Final = frozenset(
    {
        Rule.NO_PATIENT,
        Rule.MISSING_FILE,
        Rule.OUTSIDE_FOLDER,
        Rule.INVALID_FIELD,
        Rule.EMPTY_NOTE,
        Rule.REPEATED_ID,
        Rule.UNLISTED_FILE,
        Rule.EMPTY_FILE,
        Rule.TOO_LARGE,
        Rule.UNKNOWN_MEDIA,
        Rule.MEDIA_TYPE_DIFFERS,
        Rule.DAMAGED_FILE,
    }
)
"""Rules about a file and what is said of it: it comes again once that is mended, and its old bytes do not."""

OF_RESOURCES: Final = frozenset(Rule) - {
    Rule.TOO_LONG,
    Rule.UNKNOWN_FORMAT,
    Rule.BROKEN_ARCHIVE,
    Rule.ARCHIVE_BOMB,
    Rule.NOT_UTF8,
    *OF_FILES,
}
"""Rules about FHIR, less those by which the quarantine keeps a beginning alone, or bytes that are no JSON."""


def too_long(length: int, limit: int, head: bytes) -> str:
    """The reason for refusing a line that is too long, by what it begins with."""
    hint = "; a Bundle may be longer in a file of its own" if b'"Bundle"' in head else ""
    return f"the line has {length} bytes, more than {limit}{hint}"


@dataclass(frozen=True, slots=True)
class Refused:
    """One input unit that was refused, with the bytes that were read of it."""

    file: int
    offset: int
    rule: StrEnum
    reason: str
    raw: bytes
