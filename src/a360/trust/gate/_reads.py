"""Which columns of which tables a query can read: never fewer than it does.

A table gives its columns to the SELECT in whose FROM it stands and to all that is nested there. Within that,
each name is taken for a column of the table unless it is qualified by another; whatever is told by no name (a
star, COLUMNS, the table's own name as a row, NATURAL JOIN, columns renamed by position) counts for all.
Only these are handed to who runs the query: what is missed here is missing there, not read unseen.
"""

from collections.abc import Collection, Mapping

from sqlglot import exp

from a360.trust.gate._query import LakeQuery, Source

type Reads = Mapping[Source, tuple[str, ...]]
"""The columns of each source, in the order of the table."""


def reads(query: LakeQuery, columns: Mapping[str, Collection[str]]) -> Reads:
    """The columns that a query can read, of those given by dataset."""
    found: dict[Source, set[str]] = {}
    for table, source in query.occurrences:
        known = columns.get(source.dataset, ())
        found.setdefault(source, set()).update(_read_of(table, known))
    return {
        source: tuple(each for each in columns.get(source.dataset, ()) if each in names)
        for source, names in found.items()
    }


def _read_of(table: exp.Table, known: Collection[str]) -> Collection[str]:
    alias = (table.alias or table.name).lower()
    select = table.find_ancestor(exp.Select)
    if select is None or _all_are_read(table, select, alias):
        return known
    others = _aliases(select) - {alias}
    wanted = {each.lower(): each for each in known}
    named: set[str] = set()
    for node in select.walk():
        if isinstance(node, exp.Column):
            named |= _names_of(node, alias, others, wanted.keys())
        elif isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column):
            named.add(node.name.lower())
    return {wanted[name] for name in named if name in wanted}


def _all_are_read(table: exp.Table, select: exp.Select, alias: str) -> bool:
    if table.args.get("alias") and table.args["alias"].args.get("columns"):
        return True
    for node in select.walk():
        match node:
            case exp.Star() if _expands(node, alias):
                return True
            case exp.Columns():
                return True
            case exp.Join() if str(node.args.get("method") or "").upper() == "NATURAL":
                return True
            case exp.Column() if node.name.lower() == alias:
                return True
            case _:
                pass
    return False


def _expands(star: exp.Star, alias: str) -> bool:
    """Whether a star stands for a table's columns: that of `count(*)` does not, nor another table's."""
    above = star.parent
    if isinstance(above, exp.Column):
        return above.table.lower() == alias
    return not isinstance(above, exp.Count)


def _aliases(select: exp.Select) -> set[str]:
    """The names of everything that gives columns within a SELECT."""
    found = {
        (node.alias or node.name).lower()
        for node in select.walk()
        if isinstance(node, exp.Table | exp.Subquery | exp.Lateral | exp.Unnest | exp.Values)
    }
    return found - {""}


def _names_of(column: exp.Column, alias: str, others: set[str], known: Collection[str]) -> set[str]:
    """What a column's parts may name in a table: `a.b` is column b of a, or field b of column a."""
    parts = [part.name.lower() for part in column.parts]
    first = parts[0]
    if len(parts) > 1 and first in others and first != alias and first not in known:
        return set()
    return set(parts)
