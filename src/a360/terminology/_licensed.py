"""LOINC, RxNorm and CPT from the files that each licensor ships."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from a360.errors import UsageError
from a360.terminology._files import delimited, one_of, unreadable
from a360.terminology._vocabulary import Vocabulary, concept_table

LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CPT = "http://www.ama-assn.org/go/cpt"

_RXNCONSO = (
    *("RXCUI", "LAT", "TS", "LUI", "STT", "SUI", "ISPREF", "RXAUI", "SAUI", "SCUI", "SDUI", "SAB"),
    *("TTY", "CODE", "STR", "SRL", "SUPPRESS", "CVF", "END"),
)
# Term types that are other names of a concept, and never its name where it has another.
_SYNONYMS = ("PSN", "SY", "TMSY", "ET")


def read_loinc(path: Path, version: str | None = None) -> Vocabulary:
    """The table `Loinc.csv` of a release, or the folder in which it lies."""
    file = one_of(path, "Loinc.csv") if path.is_dir() else path
    wanted = ("LOINC_NUM", "COMPONENT", "CLASS", "STATUS", "LONG_COMMON_NAME")
    found = delimited(file, wanted, delimiter=",", quoted=True)
    version = _required(version, "loinc", "2.81")
    rows = concept_table(
        LOINC,
        version,
        {
            "code": found["LOINC_NUM"],
            "display": pc.coalesce(found["LONG_COMMON_NAME"], found["COMPONENT"]),
            "level": found["CLASS"],
            "status": pc.fill_null(pc.utf8_lower(found["STATUS"]), "active"),
        },
    )
    return Vocabulary(
        "code-system",
        LOINC,
        version,
        "loinc",
        rows,
        title="Logical Observation Identifiers, Names and Codes",
        publisher="Regenstrief Institute",
        licence="LOINC licence",
        origin=file.name,
    )


def read_rxnorm(path: Path, version: str | None = None) -> Vocabulary:
    """The table `RXNCONSO.RRF` of a release, or the folder in which it lies; only RxNorm's own names."""
    file = one_of(path, "RXNCONSO.RRF") if path.is_dir() else path
    wanted = ("RXCUI", "SAB", "TTY", "STR", "SUPPRESS")
    found = delimited(file, wanted, delimiter="|", header=_RXNCONSO)
    found = found.filter(pc.equal(found["SAB"], "RXNORM"))
    version = _required(version, "rxnorm", "2026-11-02")
    # One name a concept: a living one before a suppressed, a name before a synonym, then by the alphabet.
    ranked = found.append_column("dead", pc.not_equal(pc.fill_null(found["SUPPRESS"], "N"), "N"))
    ranked = ranked.append_column("other", pc.is_in(ranked["TTY"], pa.array(_SYNONYMS)))
    ranked = ranked.sort_by([(name, "ascending") for name in ("RXCUI", "dead", "other", "TTY", "STR")])
    first = ranked.group_by("RXCUI", use_threads=False).aggregate(
        [(name, "first") for name in ("STR", "TTY", "dead")]
    )
    rows = concept_table(
        RXNORM,
        version,
        {
            "code": first["RXCUI"],
            "display": first["STR_first"],
            "level": first["TTY_first"],
            "status": pc.if_else(first["dead_first"], "inactive", "active"),
        },
    )
    return Vocabulary(
        "code-system",
        RXNORM,
        version,
        "rxnorm",
        rows,
        title="RxNorm",
        publisher="National Library of Medicine",
        licence="UMLS licence",
        origin=file.name,
    )


def read_cpt(path: Path, version: str | None = None) -> Vocabulary:
    """A file of codes and descriptors with a comma or a tab between; a header `code,…` may come first."""
    if path.is_file():
        with path.open(encoding="utf-8-sig") as stream:
            first = stream.readline()
    else:
        first = ""
    tabbed = "\t" in first
    header = None if first.lower().startswith(("code", "cpt")) else ("code", "text")
    if header is None:
        names = [name.strip().strip('"') for name in first.rstrip("\r\n").split("\t" if tabbed else ",")]
        if len(names) < 2:  # noqa: PLR2004 - a code and its text
            raise unreadable(path, "one column")
        found = delimited(path, names[:2], delimiter="\t" if tabbed else ",", quoted=not tabbed)
        found = found.rename_columns(["code", "text"])
    else:
        found = delimited(path, header, delimiter="\t" if tabbed else ",", quoted=not tabbed, header=header)
    version = _required(version, "cpt", "2027")
    rows = concept_table(
        CPT, version, {"code": pc.utf8_trim_whitespace(found["code"]), "display": found["text"]}
    )
    return Vocabulary(
        "code-system",
        CPT,
        version,
        "cpt",
        rows,
        title="Current Procedural Terminology",
        publisher="American Medical Association",
        licence="AMA licence",
        origin=path.name,
    )


def _required(version: str | None, kind: str, example: str) -> str:
    if version is None:
        raise UsageError(
            "usage",
            f"The files of {kind} do not say which release they are",
            next_step=f"name it, as --release {example}",
        )
    return version
