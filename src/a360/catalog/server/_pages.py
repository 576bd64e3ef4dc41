"""Pages of a sorted list, as the specification's `pageSize` and `pageToken` ask for."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence

import msgspec

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import Reply, encode
from a360.catalog.store import Namespace

_LARGEST = 1000


def page(
    key: str,
    found: Sequence[Namespace],
    parameters: Mapping[str, str],
    show: Callable[[Namespace], object] = tuple,
) -> Reply:
    """The page of a sorted list that a request asks for; all of it where it sends no page token.

    A token names the last item of the page before, so that what comes and goes meanwhile makes a client
    neither miss an item that stays nor see one twice.
    """
    token = parameters.get("pageToken")
    size = _size(parameters.get("pageSize"))
    if token is None:
        return Reply.of({key: [show(each) for each in found], "next-page-token": None})
    after = _item(token) if token else ()
    rest = [each for each in found if each > after]
    following = _token(rest[size - 1]) if len(rest) > size else None
    return Reply.of({key: [show(each) for each in rest[:size]], "next-page-token": following})


def _size(text: str | None) -> int:
    if text is None:
        return _LARGEST
    if not text.isascii() or not text.isdigit() or not int(text):
        raise BadRequestError("Malformed request: pageSize is a number from 1")
    return min(int(text), _LARGEST)


def _token(item: Namespace) -> str:
    return base64.urlsafe_b64encode(encode(item)).decode()


def _item(token: str) -> Namespace:
    try:
        found = msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[str, ...])
    except (binascii.Error, ValueError) as broken:
        raise BadRequestError("Malformed request: pageToken is none that this catalog gave") from broken
    return found
