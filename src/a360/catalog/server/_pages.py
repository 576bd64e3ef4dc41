"""Pages of a sorted list, as the specification's `pageSize` and `pageToken` ask for."""

from collections.abc import Mapping, Sequence

from a360.catalog._errors import BadRequestError


def page[T](items: Sequence[T], parameters: Mapping[str, str]) -> tuple[Sequence[T], dict[str, str]]:
    """The page asked for and the token of the next one, if any; everything where no size is given."""
    size, token = parameters.get("pageSize"), parameters.get("pageToken")
    try:
        start = int(token) if token else 0
        stop = start + int(size) if size else len(items)
    except ValueError as broken:
        raise BadRequestError("Malformed request: pageSize and pageToken are numbers") from broken
    if start < 0 or stop < start:
        raise BadRequestError("Malformed request: pageSize and pageToken are positive")
    return items[start:stop], ({"next-page-token": str(stop)} if stop < len(items) else {})
