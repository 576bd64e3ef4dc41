"""Which reader a kind of vocabulary has, and what of the contracts' own a lake lacks."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from a360 import operate
from a360.contract import LakePlan
from a360.errors import UsageError
from a360.table import Tables
from a360.terminology import (
    AthenaDownload,
    Vocabulary,
    read_athena,
    read_cpt,
    read_declared,
    read_fhir,
    read_icd10cm,
    read_loinc,
    read_rxnorm,
    read_snomed,
)

type Reader = Callable[[Path, str | None], Vocabulary]

_OF_FILES: Mapping[str, Reader] = {
    "snomed": read_snomed,
    "loinc": read_loinc,
    "rxnorm": read_rxnorm,
    "cpt": read_cpt,
}
VOCABULARY_KINDS = ("icd10cm", "clinic", *_OF_FILES, "fhir", "omop")


def read_vocabulary(
    kind: str, path: Path | None, version: str | None, *, contracts: Path, known: "operate.Terminology"
) -> Sequence[Vocabulary] | AthenaDownload:
    """The vocabularies of a kind, from the files that are named or from what came along.

    Raises:
        UsageError: `usage` for a kind that does not exist, or that needs files and names none.
    """
    if kind not in VOCABULARY_KINDS:
        raise UsageError(
            "usage",
            f"There is no kind of vocabulary {kind}",
            found=kind,
            next_step=f"use one of: {', '.join(VOCABULARY_KINDS)}",
        )
    if kind == "icd10cm":
        return [read_icd10cm(version)]
    if kind == "clinic":
        return declared(contracts, known)
    if path is None:
        raise UsageError(
            "usage",
            f"{kind} is loaded from files, and none is named",
            next_step=f"a360 terminology load {kind} PATH; docs/terminology.md has the layouts",
        )
    path = path.expanduser()
    if kind == "omop":
        return read_athena(path, version)
    if kind == "fhir":
        return read_fhir(path, version, known.systems(_every_system(known)))
    return [_OF_FILES[kind](path, version)]


def _every_system(known: "operate.Terminology") -> list[str]:
    return [row["uri"] for row in known.versions() if row["kind"] == "code-system" and row["is_current"]]


def declared(contracts: Path, known: "operate.Terminology") -> list[Vocabulary]:
    """What the contracts declare, value sets computed from what is declared and from what is loaded."""
    found, rows = read_declared(contracts), known.versions()
    current = {
        row["uri"]: row["version"] for row in rows if row["kind"] == "code-system" and row["is_current"]
    }
    loaded = {(row["uri"], row["version"]) for row in rows if row["kind"] == "value-set"}
    return found.vocabularies(known.systems(found.systems_needed(current, loaded)))


def load_declared(
    plan: LakePlan, tables: Tables, contracts: Path, record: "operate.RunRecord"
) -> Sequence["operate.LoadedVocabulary"]:
    """Load what the contracts declare and the lake lacks; mostly there is nothing to do."""
    known = operate.Terminology(plan, tables)
    if not known.is_declared:
        return []
    return known.load(declared(contracts, known), record)
