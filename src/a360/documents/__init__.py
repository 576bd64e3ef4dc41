"""Documents as pure code: what a note says and where, and pictures and PDFs without what tells of people.

Nothing here knows a lake, keys or files: bytes and texts go in, values come out.
"""

from a360.documents._fields import (
    FIELDS,
    STATUSES,
    FieldError,
    NoteFields,
    checked_time,
    is_fhir_id,
    split_front_matter,
)
from a360.documents._media import Media, MediaError, Patch, open_media, restored
from a360.documents._note import HTML, MARKDOWN, PLAIN, TURNS, VTT, NoteText, media_type, read_note
from a360.documents._resource import LOINC, NOTE_IDS, ROLES, document_reference
from a360.documents._sections import KINDS, Section

__all__ = [
    "FIELDS",
    "HTML",
    "KINDS",
    "LOINC",
    "MARKDOWN",
    "NOTE_IDS",
    "PLAIN",
    "ROLES",
    "STATUSES",
    "TURNS",
    "VTT",
    "FieldError",
    "Media",
    "MediaError",
    "NoteFields",
    "NoteText",
    "Patch",
    "Section",
    "checked_time",
    "document_reference",
    "is_fhir_id",
    "media_type",
    "open_media",
    "read_note",
    "restored",
    "split_front_matter",
]
