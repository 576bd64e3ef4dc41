"""The tables of vocabularies, as far as rules on codes have to know them."""

from a360.contract._quoting import quote_text
from a360.contract._rules import InCodes

VOCABULARIES = "silver.vocabulary"
"""One row a version of a code system, value set or concept map; it says which version is current."""

CODES = {"code-system": "silver.concept", "value-set": "silver.value_set_member"}
"""The tables of the codes themselves, by the kind of vocabulary."""

_URI = {"code-system": "system", "value-set": "value_set"}


def loaded_sql(check: InCodes) -> str:
    """A query for how many versions a check could look codes up in."""
    current = "" if check.any_version else " AND is_current"
    return (
        f"SELECT COUNT(*) FROM {VOCABULARIES} "
        f"WHERE kind = {quote_text(check.of)} AND uri = {quote_text(check.uri)}{current}"
    )


def codes_sql(check: InCodes) -> str:
    """A query for the codes that a check lets pass, in every spelling; with systems where these count."""
    uri = _URI[check.of]
    versions = (
        f"SELECT version FROM {VOCABULARIES} WHERE kind = {quote_text(check.of)} "
        f"AND uri = {quote_text(check.uri)}{'' if check.any_version else ' AND is_current'}"
    )
    wanted = f"FROM {CODES[check.of]} WHERE {uri} = {quote_text(check.uri)} AND version IN ({versions})"
    if check.of == "code-system":
        wanted += " AND is_selectable"
    system = "system, " if check.of == "value-set" and check.system_column else ""
    return (
        f"SELECT {system}code {wanted} "
        f"UNION ALL SELECT {system}alternate_code {wanted} AND alternate_code IS NOT NULL"
    )
