"""How names and texts are quoted in SQL, for every room; dialects that differ say so in `fhir`'s own."""


def quote_name(name: str) -> str:
    """A column, table or namespace name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_table(name: str) -> str:
    """A table named `namespace.name` as a quoted, qualified identifier."""
    namespace, _, table = name.rpartition(".")
    return f"{quote_name(namespace)}.{quote_name(table)}" if namespace else quote_name(table)


def quote_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
