"""References taken apart: the key that each gives, and the tokens by which it may be looked up.

Each distinct text is looked at once: it is tokenised in Arrow, so that keys and plain values never meet in
SQL, and joined back to the rows.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import ReferencePlan
from a360.engine import quote_name, quote_text
from a360.fhir import reference_parts_sql
from a360.protect import PERSON_TYPES, Tokenizer, domains
from a360.refine._reader import VIEWED, Workbench

_CONTAINER = "CASE WHEN starts_with({value}, '#') THEN v.unit_type || '/' || v.unit_id ELSE '' END"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The tokens that references are looked up by, if there is anything to find."""

    urls: bool
    searches: bool


def tokens_of(bench: Workbench, tokenizer: Tokenizer, name: str, domain: str) -> pa.Table:
    """The distinct values of a column of `viewed` as text (`plain`), each with its token (`key`)."""
    column = quote_name(name)
    values = bench.sql(
        f"SELECT DISTINCT CAST({column} AS VARCHAR) AS plain FROM {VIEWED} WHERE {column} IS NOT NULL"
    )["plain"]
    return pa.table({"plain": values, "key": tokenizer.tokens(domain, values)})


def token_join(name: str) -> str:
    """The join of rows `v` with what `tokens_of` gave, kept under the column's name and `#`."""
    found = quote_name(f"{name}#")
    return f"LEFT JOIN {found} ON {found}.plain = CAST(v.{quote_name(name)} AS VARCHAR)"


def parts_of(
    bench: Workbench, tokenizer: Tokenizer, name: str, targets: tuple[ReferencePlan, ...], wanted: Wanted
) -> pa.Table:
    """The distinct references of a column of `viewed`, by `source`, `raw` and `container`.

    `direct` is the key that a reference itself gives, of persons its token; `url`, and `type` with `search`,
    are what it may be looked up by, null where it is not to be.
    """
    types = [target.resource_type for target in targets]
    kinds = ", ".join(map(quote_text, types))
    value = f"v.{quote_name(name)}"
    container = _CONTAINER.format(value=value)
    is_person = any(each in PERSON_TYPES for each in types)
    direct = (
        f"CASE WHEN p.kind = 'literal' AND p.type IN ({kinds}) THEN p.id WHEN p.kind = 'urn' THEN p.id "
        "WHEN p.kind = 'contained' THEN container || '#' || p.id END"
    )
    kind = f"coalesce(nullif(p.type, ''), {quote_text(types[0])})"
    found = bench.sql(
        f"""
        SELECT source, raw, container, {"source || '|' || " if is_person else ""}({direct}) AS direct,
            CASE WHEN {wanted.urls} AND (p.kind IN ('urn', 'other') OR contains(raw, '://'))
                THEN source || '|' || raw END AS url,
            {kind} AS type,
            CASE WHEN {wanted.searches} AND p.kind = 'search' AND {kind} IN ({kinds})
                THEN coalesce(p.system, '') || '|' || p.value END AS search
        FROM (SELECT *, {reference_parts_sql("raw")} AS p FROM (
            SELECT DISTINCT v.unit_source AS source, {value} AS raw, {container} AS container
            FROM {VIEWED} AS v WHERE {value} IS NOT NULL))
        """
    )
    tokenised = [("url", domains.FULL_URL), ("search", domains.IDENTIFIER)]
    if is_person:
        tokenised.append(("direct", domains.PATIENT))
    for column, domain in tokenised:
        tokens = tokenizer.tokens(domain, found[column])
        found = found.set_column(found.schema.get_field_index(column), column, tokens)
    return found


def parts_join(name: str, parts: pa.Table) -> str:
    """The join of rows `v` with what `parts_of` gave, kept under the column's name and `#`."""
    found, value = quote_name(f"{name}#"), f"v.{quote_name(name)}"
    join = f"LEFT JOIN {found} ON {found}.raw = {value} AND {found}.source = v.unit_source"
    if pc.all(pc.equal(parts["container"], "")).as_py():
        return join
    return f"{join} AND {found}.container = {_CONTAINER.format(value=value)}"
