"""The text of a note, opened by who operates the lake."""

import getpass

import structlog

from a360.engine import quote_name, quote_table, quote_text
from a360.errors import UsageError
from a360.operate._opened import Opened
from a360.protect import Sealer, column_context, open_text
from a360.table import Tables

NOTES = "silver.note"
_TEXT, _KEY = "text", "note_id"


def note_text(tables: Tables, sealer: Sealer, source: str, note_id: str, opened: Opened) -> str:
    """The text of a note as it stands; that it was opened is on record first, without a word of it.

    Raises:
        UsageError: `usage` where the lake has no text of a note of this name.
        OperatorError: `key-missing` or `seal-broken`.
    """
    known = tables.current_snapshot_id(NOTES) is not None
    rows = (
        tables.session.sql(
            f"SELECT {quote_name(_TEXT)} AS sealed, patient_key FROM {quote_table(NOTES)} WHERE NOT deleted "
            f"AND source = {quote_text(source)} AND {quote_name(_KEY)} = {quote_text(note_id)}"
        ).to_pylist()
        if known
        else []
    )
    if not rows or rows[0]["sealed"] is None:
        raise UsageError(
            "usage",
            f"{NOTES} has no text of a note of this source and id",
            next_step=f'a360 query "select source, note_id from {NOTES}" lists them',
        )
    opened(NOTES, _TEXT, patient_key=rows[0]["patient_key"])
    structlog.get_logger("a360.notes").warning(
        "text of a note opened", source=source, note_id=note_id, by=getpass.getuser()
    )
    return open_text(sealer, rows[0]["sealed"], column_context(NOTES, _TEXT, source, note_id))
