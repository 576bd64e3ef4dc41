"""What the commands around the lake over HTTP do."""

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import plain
from a360.errors import UsageError
from a360.serve import READERS, how_to_read, require_extra

_DEFAULT_URL = "http://127.0.0.1:8360"
_TABLE = re.compile(r"[a-z]+\.[a-z][a-z0-9_]*")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]*")


def serve(face: Face, host: str, port: int, certificate: Path | None, key: Path | None) -> int | None:
    """Serve until told to end."""
    require_extra()
    from a360.serve import Server, Tls, make_app  # noqa: PLC0415 -- of an extra

    if (certificate is None) != (key is None):
        raise UsageError(
            "usage",
            "A certificate and its key come together",
            where="--tls-cert, --tls-key",
            next_step="name both, or none",
        )
    tls = Tls(certificate, key) if certificate and key else None

    def ready(uri: str) -> None:
        face.emit({"uri": uri}, f"Serving {plain(str(face.settings.lake))} at {uri}")
        face.note("Next: a360 token create USER; a360 connect curl. Ctrl-C ends it.")
        sys.stdout.flush()

    with face.lake() as lake:
        server = Server(lambda: make_app(lake.served(), secure=tls is not None), host, port, tls, ready)
        server.serve_until_told()
    return None


def connect(face: Face, reader: str, url: str | None, table: str, purpose: str | None) -> int | None:
    """Print how a program reads a table."""
    assert reader in READERS  # noqa: S101 -- the command line has checked it
    place = _checked_url(url or _DEFAULT_URL)
    for what, given, shape in (("table", table, _TABLE), ("purpose", purpose, _PURPOSE)):
        if given is not None and not shape.fullmatch(given):
            raise UsageError(
                "usage", f"This is no name of a {what}", found=given[:64], next_step="as gold.patient_360"
            )
    text = how_to_read(reader, place, table, purpose)
    if face.as_json:
        face.emit({"reader": reader, "url": place, "table": table, "how": text})
    else:
        face.out.file.write(text)
    return None


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    odd = set(url) & set("\"'\\ \n\r\t$`{}@?#;&|<>()")
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
        raise UsageError(
            "usage",
            "This is not where a lake is served",
            where="--url",
            found=url[:200],
            next_step="give it as https://lake.clinic.example:8360",
        )
    return url.rstrip("/")


def create_token(face: Face, user: str, days: int, purpose: str | None) -> int | None:
    """Make a token; nobody can show it again."""
    face.require_lake()
    with face.lake() as lake:
        token, text = lake.api_tokens.create(user, timedelta(days=days), purpose=purpose)
    until = token.expires_at.isoformat()
    face.emit(
        {"id": token.id, "user": user, "purpose": purpose, "expires_at": until, "token": text},
        f"Made the API token {token.id} for {plain(user)}; it holds until {until[:10]}. Shown this once:",
        text,
        "Next: put it into A360_TOKEN where it is used. a360 connect curl",
    )
    return None


def list_tokens(face: Face) -> int | None:
    """List tokens; there are no secrets to show."""
    face.require_lake()
    with face.lake() as lake:
        found = lake.api_tokens.all()
    now = datetime.now(UTC)
    told = [
        {
            "id": each.id,
            "user": each.user,
            "purpose": each.purpose,
            "created_at": each.created_at.isoformat(),
            "expires_at": each.expires_at.isoformat(),
            "expired": now >= each.expires_at,
        }
        for each in found
    ]
    rows = [
        [
            each.id,
            each.user,
            each.purpose,
            each.created_at.date(),
            each.expires_at.date(),
            now >= each.expires_at,
        ]
        for each in found
    ]
    nobody = "No API tokens. Next: a360 token create USER"
    names = ["id", "user", "purpose", "since", "until", "expired"]
    face.emit(told, render.grid(names, rows) if rows else nobody)
    return None


def revoke_token(face: Face, identity: str) -> int | None:
    """Make a token void."""
    face.require_lake()
    with face.lake() as lake:
        token = lake.api_tokens.revoke(identity)
    face.emit(
        {"id": token.id, "user": token.user, "revoked": True},
        f"Revoked the API token {token.id} of {plain(token.user)}; it is void at once.",
    )
    return None
