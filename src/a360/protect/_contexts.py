"""The contexts under which things are sealed.

A context binds sealed bytes to the place they were sealed for: moved elsewhere, they do not open.
"""


def quarantine_context(dataset: str, commit_id: str, file: str, offset: int) -> bytes:
    """The context of a quarantined payload: the row it stands in."""
    return f"quarantine|{dataset}|{commit_id}|{file}|{offset}".encode()


def column_context(dataset: str, column: str, source: str, key: str) -> bytes:
    """The context of a sealed column's value: the row it stands in."""
    return f"column|{dataset}|{column}|{source}|{key}".encode()


def identity_context(patient_key: str, known_at: int, arrival: int) -> bytes:
    """The context of who somebody is: the person, and the version of the record, by when the lake had it."""
    return f"identity|{patient_key}|{known_at}|{arrival}".encode()


def reason_context(request: str) -> bytes:
    """The context of the reason that was given for a request."""
    return f"reason|{request}".encode()


def path_context(commit_id: str, digest: str) -> bytes:
    """The context of an ingested file's path: the batch and the digest beside it."""
    return f"ingested_file|{commit_id}|{digest}".encode()
