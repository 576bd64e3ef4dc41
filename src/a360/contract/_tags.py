"""Tags as Lake Formation has them: one value a key, inherited from zone to table to column, nearest wins."""

from collections.abc import Iterable, Iterator, Mapping

from a360.contract._plan import ColumnPlan, TablePlan
from a360.contract._policy import TagTerm

ZONE = "zone"
"""The key under which each zone's namespace bears its own name."""


def as_mapping(tags: Iterable[str]) -> dict[str, str]:
    """`key:value` texts by key; of two values for one key the last in order, as no resource bears two."""
    return {key: value for key, _, value in (tag.partition(":") for tag in sorted(tags))}


def terms_of(tags: Iterable[str]) -> tuple[TagTerm, ...]:
    """An expression out of `key:value` texts: every key must match, by one of its values."""
    terms: dict[str, list[str]] = {}
    for key, _, value in (tag.partition(":") for tag in sorted(tags)):
        terms.setdefault(key, []).append(value)
    return tuple((key, tuple(values)) for key, values in sorted(terms.items()))


def effective_tags(table: TablePlan, zone_tags: Iterable[str]) -> Iterator[tuple[ColumnPlan, dict[str, str]]]:
    """Each column with the tags it bears or inherits; `sensitivity` is not among them."""
    inherited = as_mapping(zone_tags) | as_mapping(table.tags)
    for column in table.columns:
        yield column, inherited | as_mapping(column.tags) if column.tags else inherited


def matches(expression: Iterable[TagTerm], tags: Mapping[str, str]) -> bool:
    """Whether tags fit an expression."""
    return all(tags.get(key) in values for key, values in expression)
