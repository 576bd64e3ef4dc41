"""What a request says of who asks."""

import base64
import binascii
from dataclasses import dataclass

from fastapi import Request


@dataclass(frozen=True, slots=True)
class Credentials:
    """A secret as it was sent, with the user's name where that was sent too, and the address it came from."""

    secret: str | None
    user: str | None
    address: str


def credentials(request: Request) -> Credentials:
    """The credentials in the one place where they are looked for: the header Authorization."""
    address = request.client.host if request.client else "unknown"
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return Credentials(value, None, address)
    if scheme.lower() == "basic":
        user, secret = _basic(value)
        return Credentials(secret, user, address)
    return Credentials(None, None, address)


def _basic(value: str) -> tuple[str | None, str | None]:
    """User and password, as RFC 7617 has them."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None, None
    user, _, secret = text.partition(":")
    return user or None, secret or None
