"""The order of versions: by what is said of them, then by when they came."""


def stated(table: str = "") -> tuple[str, str]:
    """What a version says of its age: meta.lastUpdated, and its versionId where that is a number.

    What is absent sorts first; neither is null.
    """
    at = f"{table}." if table else ""
    return (
        f"coalesce({at}last_updated, TIMESTAMPTZ '0001-01-01 00:00:00+00')",
        # A cast alone would round 1.5 and take a sign.
        (
            f"CASE WHEN regexp_full_match({at}version_id, '[0-9]{{1,38}}') "
            f"THEN CAST({at}version_id AS DECIMAL(38, 0)) ELSE -1 END"
        ),
    )


def version_order(table: str = "", direction: str = "", *, arrival: str = "known_at") -> str:
    """The columns that order versions: meta.lastUpdated, then numeric versionId, then the time of arrival.

    What is absent sorts first. None of the values is null, so that they can be compared as a row. Another
    column, `arrival`, may stand for the time of arrival.
    """
    at = f"{table}." if table else ""
    return ", ".join(f"{column} {direction}".rstrip() for column in (*stated(table), f"{at}{arrival}"))
