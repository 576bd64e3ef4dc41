"""What the commands about attachments do."""

from pathlib import Path

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import plain, size


def get(face: Face, attachment: str, output: Path, source: str | None, *, received: bool) -> int | None:
    """Write a file."""
    with face.lake() as lake:
        copy = lake.attachments.get(attachment, output.expanduser(), source=source, received=received)
    face.emit(copy.to_json(), f"Wrote {copy.media_type}, {size(copy.bytes)}, to {plain(copy.path)}")
    return None


def list_all(face: Face, limit: int) -> int | None:
    """List attachments."""
    with face.lake() as lake:
        told = lake.attachments.list(limit)
    columns = ["attachment_id", "source", "kind", "body_site", "taken_at", "media_type", "bytes", "file"]
    rows = [[each[name] for name in columns] for each in told]
    face.emit(told, render.grid(columns, rows) if rows else "No attachments")
    return None
