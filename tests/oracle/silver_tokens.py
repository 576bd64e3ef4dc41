"""The oracle's rows as a lake holds them: identifiers replaced by the tokens of that lake."""

from collections.abc import Iterable
from typing import Protocol

import pyarrow as pa
from silver_values import Json

PERSONS = {"Patient", "RelatedPerson", "Person"}


class Tokens(Protocol):
    """What gives tokens: the product's Tokenizer."""

    def tokens(self, domain: str, values: pa.Array) -> pa.Array:
        """A token for each value."""


def tokenised(rows: list[Json], domains: dict[str, str], tokenizer: Tokens, source: str) -> list[Json]:
    """The rows with tokens for identifiers; `domains` names the token domain of each identifier column.

    The domain `patient` names a patient by source and id; `resource` does so where the row is about a person.
    """
    columns = {name: _column(rows, name, domain, tokenizer, source) for name, domain in domains.items()}
    return [
        {**row, **{name: values[place] for name, values in columns.items()}} for place, row in enumerate(rows)
    ]


def _column(rows: list[Json], name: str, domain: str, tokenizer: Tokens, source: str) -> list[str | None]:
    """The tokens of one column."""
    values = [row[name] for row in rows]
    if domain == "resource":
        named = _tokens(tokenizer, "patient", [f"{source}|{value}" for value in values])
        person = [row["resource_type"] in PERSONS for row in rows]
        return [
            token if is_person else value
            for token, value, is_person in zip(named, values, person, strict=True)
        ]
    if domain == "patient":
        return _tokens(
            tokenizer, domain, [None if value is None else f"{source}|{value}" for value in values]
        )
    return _tokens(tokenizer, domain, values)


def _tokens(tokenizer: Tokens, domain: str, values: Iterable[str | None]) -> list[str | None]:
    """Tokens of plain values; none for none."""
    found: list[str | None] = tokenizer.tokens(domain, pa.array(values, pa.string())).to_pylist()
    return found
