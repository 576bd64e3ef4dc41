"""What a FHIR reference says about its target, in DuckDB SQL."""

from a360.fhir._definitions import resource_types

# Servers use ids that FHIR's own pattern forbids (underscores, colons, more than 64 characters); whatever
# cannot be a path, a query or another reference is taken as one, so that such references still join.
ID_PATTERN = r"[^/?#|\s]{1,255}"
_LITERAL = (
    rf"^(?:[A-Za-z][A-Za-z0-9+.-]*://.*/|/)?([A-Z][A-Za-z]+)/({ID_PATTERN})(?:/_history/{ID_PATTERN})?$"
)
_SEARCH = r"^([A-Z][A-Za-z]+)?\?(?:.*&)?identifier=(.*?)(?:&[A-Za-z_][A-Za-z0-9_.:-]*=.*)?$"
_URN = r"^(urn:(?:uuid|oid)):(.+)$"
_PARTS = ("kind", "type", "id", "system", "value")


def reference_parts_sql(expr: str) -> str:
    """A reference's text as STRUCT(kind, type, id, system, value), all VARCHAR; NULL for NULL. DuckDB SQL.

    | kind | from | parts |
    |---|---|---|
    | literal | `Type/id`, `Type/id/_history/v`, a URL that ends in either | type, id |
    | urn | `urn:uuid:x`, `urn:oid:x` | id (x), system (`urn:uuid`) |
    | contained | `#x` | id; empty for `#` |
    | search | `Type?identifier=system|value`, `?identifier=…`, URL-encoded or not | type, system, value |
    | other | anything else | value: the text |

    Types are those of FHIR R4; a reference to another type is `other`. The expression is repeated in the
    result: give it a column, not a computation.
    """
    types = ", ".join(f"'{name}'" for name in sorted(resource_types()))
    literal = f"regexp_extract({expr}, '{_LITERAL}', ['type', 'id'])"
    search = f"regexp_extract({expr}, '{_SEARCH}', ['type', 'value'])"
    urn = f"regexp_extract({expr}, '{_URN}', ['system', 'id'])"
    return (
        f"CASE WHEN {expr} IS NULL THEN NULL"
        f" WHEN starts_with({expr}, '#')"
        f" THEN {_struct(kind=_quoted('contained'), id=f'substring({expr}, 2)')}"
        f" WHEN {urn}.id <> '' THEN {_struct(kind=_quoted('urn'), id=f'{urn}.id', system=f'{urn}.system')}"
        f" WHEN {literal}.type IN ({types})"
        f" THEN {_struct(kind=_quoted('literal'), type=f'{literal}.type', id=f'{literal}.id')}"
        f" WHEN {search}.value <> '' AND {search}.type IN ('', {types}) THEN {_search(search)}"
        f" ELSE {_struct(kind=_quoted('other'), value=expr)} END"
    )


def _search(found: str) -> str:
    token = f"coalesce(TRY(url_decode({found}.value)), {found}.value)"
    bar = f"strpos({token}, '|')"
    return _struct(
        kind=_quoted("search"),
        type=f"nullif({found}.type, '')",
        system=f"nullif(left({token}, greatest({bar} - 1, 0)), '')",
        value=f"nullif(substring({token}, {bar} + 1), '')",
    )


def _quoted(text: str) -> str:
    return f"'{text}'"


def _struct(**parts: str) -> str:
    return "{" + ", ".join(f"'{name}': {parts.get(name, 'CAST(NULL AS VARCHAR)')}" for name in _PARTS) + "}"
