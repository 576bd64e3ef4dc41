"""Vocabularies as a lake has them: which versions are loaded, and what they know of codes."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import pyarrow as pa

from a360.contract import VOCABULARIES, FailingRows, InCodes, LakePlan, quote_text
from a360.errors import UsageError
from a360.table import Tables
from a360.terminology import CONCEPTS, TABLES, Kind

URI_COLUMNS = {
    "silver.concept": "system",
    "silver.value_set_member": "value_set",
    "silver.concept_map": "map",
}
"""The column of each table of codes that says which vocabulary a row is of."""


class LoadedVocabularies:
    """The vocabularies of one lake, to be looked at."""

    def __init__(self, plan: LakePlan, tables: Tables) -> None:
        self._plan = plan
        self._tables = tables

    @property
    def is_declared(self) -> bool:
        """Whether the contracts have the tables of vocabularies at all."""
        return any(step.dataset == VOCABULARIES for step in self._plan.steps)

    def versions(self) -> list[dict[str, Any]]:
        """Every version that is loaded, by kind and URI."""
        if not self.is_declared or self._tables.current_snapshot_id(VOCABULARIES) is None:
            return []
        return self._rows(f"SELECT * FROM {VOCABULARIES} ORDER BY kind, uri, version")

    def missing(self, datasets: Collection[str] | None = None) -> list[tuple[str, list[str]]]:
        """The vocabularies that rules of datasets, or of all, need and that are not loaded, and of which."""
        there = {(row["kind"], row["uri"]) for row in self.versions() if row["is_current"]}
        wanted: dict[str, list[str]] = {}
        for step in self._plan.steps:
            if datasets is not None and step.dataset not in datasets:
                continue
            of_all = (each.measure for each in step.dataset_rules)
            counted = [each.check for each in of_all if isinstance(each, FailingRows)]
            for check in (*(rule.check for rule in step.rules), *counted):
                if isinstance(check, InCodes) and (check.of, check.uri) not in there:
                    datasets = wanted.setdefault(check.uri, [])
                    datasets += [step.dataset] if step.dataset not in datasets else []
        return sorted(wanted.items())

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._tables.session.sql(sql).to_pylist()
        return rows

    def show(self, system: str, code: str) -> list[dict[str, Any]]:
        """What is known of a code, in each version that is loaded, the current one first.

        Raises:
            UsageError: `unknown-vocabulary`.
        """
        row = self._current("code-system", system)
        return self._rows(
            "SELECT c.*, v.is_current, p.display AS parent_display FROM silver.concept AS c "
            f"JOIN {VOCABULARIES} AS v ON v.kind = 'code-system' AND v.uri = c.system "
            "AND v.version = c.version "
            "LEFT JOIN silver.concept AS p "
            "ON p.system = c.system AND p.version = c.version AND p.code = c.parent_code "
            f"WHERE c.system = {quote_text(row['uri'])} "
            f"AND {quote_text(code)} IN (c.code, c.alternate_code) ORDER BY v.is_current DESC, c.version DESC"
        )

    def expand(self, value_set: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The current version of a value set, and its members.

        Raises:
            UsageError: `unknown-vocabulary`.
        """
        row = self._current("value-set", value_set)
        members = self._tables.session.sql(
            "SELECT system, code, display FROM silver.value_set_member "
            f"WHERE value_set = {quote_text(row['uri'])} AND version = {quote_text(row['version'])} "
            "ORDER BY system, code"
        ).to_pylist()
        return row, members

    def validate(self, name: str, codes: Sequence[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Which codes a value set, or a code system, has; `system|code` asks for that of one system.

        Raises:
            UsageError: `unknown-vocabulary`.
        """
        kinds: tuple[Kind, ...] = ("value-set", "code-system")
        row = next((found for kind in kinds if (found := self._find(kind, name))), None)
        if row is None:
            raise unknown_vocabulary(name, self._loaded())
        table, uri = TABLES[row["kind"]][0], URI_COLUMNS[TABLES[row["kind"]][0]]
        usable = "AND is_selectable" if table == "silver.concept" else ""
        known = self._tables.session.sql(
            f"SELECT system, code, alternate_code, display FROM {table} "
            f"WHERE {uri} = {quote_text(row['uri'])} AND version = {quote_text(row['version'])} {usable}"
        ).to_pylist()
        spelled = {text: each for each in known for text in (each["code"], each["alternate_code"]) if text}
        exact = {f"{each['system']}|{text}": each for text, each in spelled.items()}
        answers = []
        for asked in codes:
            found = (exact if "|" in asked else spelled).get(asked)
            answers.append(
                {"code": asked, "valid": found is not None, "display": found["display"] if found else None}
            )
        return row, answers

    def systems(self, wanted: Iterable[str]) -> dict[str, pa.Table]:
        """The concepts of the current versions of code systems, as far as they are loaded."""
        found = {}
        for uri in sorted(set(wanted)):
            row = self._find("code-system", uri)
            if row is not None:
                names = ", ".join(CONCEPTS.names)
                found[uri] = self._tables.session.sql(
                    f"SELECT {names} FROM silver.concept WHERE system = {quote_text(uri)} "
                    f"AND version = {quote_text(row['version'])}"
                )
        return found

    def _current(self, kind: Kind, name: str) -> dict[str, Any]:
        found = self._find(kind, name)
        if found is None:
            raise unknown_vocabulary(name, self._loaded())
        return found

    def _find(self, kind: Kind, name: str) -> dict[str, Any] | None:
        rows = (row for row in self.versions() if row["kind"] == kind and row["is_current"])
        return next((row for row in rows if name in {row["uri"], row["name"]}), None)

    def _loaded(self) -> str:
        names = [row["name"] for row in self.versions() if row["is_current"]]
        return f"loaded are {', '.join(sorted(names))}" if names else "nothing is loaded"


def unknown_vocabulary(name: str, found: str) -> UsageError:
    """What is raised where a vocabulary is not loaded."""
    return UsageError(
        "unknown-vocabulary",
        f"The lake has no vocabulary {name}",
        found=found,
        next_step="`a360 terminology list` shows names and URIs; `a360 terminology load` brings one in",
    )
