"""What a FHIR reference says about its target, in DuckDB SQL."""

from a360.fhir._definitions import resource_types

# Servers use ids that FHIR's own pattern forbids (underscores, colons, more than 64 characters); whatever
# cannot be a path, a query or another reference is taken as one, so that such references still join.
ID_PATTERN = r"[^/?#|\s]+"
_BASE = r"(?:[A-Za-z][A-Za-z0-9+.-]*://.*/|/)?"
_VERSION = rf"(?:/_history/{ID_PATTERN})?"
_QUERY = r"\?(?:.*&)?identifier=(.*?)(?:&[A-Za-z_][A-Za-z0-9_.:-]*=.*)?$"
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
    urns = "".join(
        f" WHEN starts_with({expr}, '{scheme}:') AND length({expr}) > {len(scheme) + 1}"
        f" THEN {_struct('urn', id=f'substring({expr}, {len(scheme) + 2})', system=f"'{scheme}'")}"
        for scheme in ("urn:uuid", "urn:oid")
    )
    return (
        f"CASE WHEN {expr} IS NULL THEN NULL"
        f" WHEN starts_with({expr}, '#') THEN {_struct('contained', id=f'substring({expr}, 2)')}"
        f"{urns} WHEN contains({expr}, '?') THEN {_search(expr)} ELSE {_literal(expr)} END"
    )


def _literal(expr: str) -> str:
    types = "|".join(sorted(resource_types()))
    found = f"regexp_extract({expr}, '^{_BASE}({types})/({ID_PATTERN}){_VERSION}$', ['type', 'id'])"
    literal = _struct("literal", type="m.type", id="m.id")
    return _let("m", found, f"CASE WHEN m.type <> '' THEN {literal} ELSE {_struct('other', value=expr)} END")


def _search(expr: str) -> str:
    types = "|".join(sorted(resource_types()))
    found = f"regexp_extract({expr}, '^({types})?{_QUERY}', ['type', 'value'])"
    # What is no URL-encoded text is taken as it is: identifiers may hold a percent sign.
    decoded = (
        "CASE WHEN contains(m.value, '%') THEN coalesce(TRY(url_decode(m.value)), m.value) ELSE m.value END"
    )
    split = _struct(
        "search",
        type="nullif(m.type, '')",
        system="nullif(left(t, greatest(strpos(t, '|') - 1, 0)), '')",
        value="nullif(substring(t, strpos(t, '|') + 1), '')",
    )
    other = _struct("other", value=expr)
    return _let("m", found, f"CASE WHEN m.value <> '' THEN {_let('t', decoded, split)} ELSE {other} END")


def _let(name: str, value: str, body: str) -> str:
    """A value computed once and named: DuckDB shares no computation between the branches of a CASE."""
    return f"list_extract(list_transform([{value}], lambda {name}: {body}), 1)"


def _struct(kind: str, **parts: str) -> str:
    values = {"kind": f"'{kind}'", **parts}
    return "{" + ", ".join(f"'{name}': {values.get(name, 'CAST(NULL AS VARCHAR)')}" for name in _PARTS) + "}"
