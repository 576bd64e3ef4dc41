"""SNOMED CT from the snapshot files of an RF2 release."""

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from a360.errors import OperatorError
from a360.terminology._files import delimited, missing
from a360.terminology._vocabulary import Vocabulary, concept_table

SYSTEM = "http://snomed.info/sct"
_IS_A = "116680003"
_FULL_NAME, _SYNONYM = "900000000000003001", "900000000000013009"
_PREFERRED = "900000000000548007"
_DATE = re.compile(r"_(\d{8})\.txt$")
_TAG = r"^(?P<term>.*?)(?: \((?P<tag>[^()]+)\))?$"


def read_snomed(path: Path, version: str | None = None) -> Vocabulary:
    """The snapshot of a release: concepts, descriptions, relationships and, where there is one, language.

    An edition may spread over several files of a kind, as those of an extension beside the international
    ones: all of them are read. The name of a concept is the preferred one of the language refset, else the
    fully specified one; its semantic tag becomes the level. A parent is told where there is only one.
    """
    if not path.is_dir():
        raise missing(path)
    concept_files = _files(path, "sct2_Concept_Snapshot*.txt", needed=True)
    concepts = _read(concept_files, ("id", "effectiveTime", "active"))
    described = _read(
        _files(path, "sct2_Description_Snapshot*.txt", needed=True),
        ("id", "active", "conceptId", "typeId", "term"),
    )
    described = described.filter(pc.equal(described["active"], "1"))
    names = _names(described, _preferred(path))
    parents = _parents(path)
    version = version or _release(concept_files, concepts)
    joined = concepts.join(names, "id", "conceptId", "left outer").join(
        parents, "id", "sourceId", "left outer"
    )
    rows = concept_table(
        SYSTEM,
        version,
        {
            "code": joined["id"],
            "display": pc.coalesce(joined["preferred"], joined["full_name"]),
            "level": joined["tag"],
            "parent_code": joined["parent"],
            "status": pc.if_else(pc.equal(joined["active"], "1"), "active", "inactive"),
        },
    )
    return Vocabulary(
        "code-system",
        SYSTEM,
        version,
        "snomed",
        rows,
        title="SNOMED CT",
        publisher="SNOMED International",
        licence="SNOMED CT affiliate licence",
        origin=concept_files[0].name,
    )


def _files(folder: Path, pattern: str, *, needed: bool = False) -> list[Path]:
    found = sorted(folder.rglob(pattern))
    if needed and not found:
        raise OperatorError(
            "input-missing",
            f"The release has no {pattern}",
            where=str(folder),
            next_step="name the folder into which a snapshot (not only full or delta files) was unpacked",
        )
    return found


def _read(files: list[Path], wanted: tuple[str, ...]) -> pa.Table:
    return pa.concat_tables([delimited(file, wanted) for file in files])


def _preferred(folder: Path) -> pa.Array | pa.ChunkedArray | None:
    """The descriptions that a language refset prefers; none where the release has no such refset."""
    files = _files(folder, "der2_cRefset_LanguageSnapshot-en*.txt") or _files(
        folder, "der2_cRefset_Language*Snapshot*.txt"
    )
    if not files:
        return None
    found = _read(files, ("active", "referencedComponentId", "acceptabilityId"))
    wanted = pc.and_(pc.equal(found["active"], "1"), pc.equal(found["acceptabilityId"], _PREFERRED))
    return found.filter(wanted)["referencedComponentId"]


def _names(described: pa.Table, preferred: pa.ChunkedArray | None) -> pa.Table:
    """For each concept its full name without the semantic tag, the tag, and the preferred synonym."""
    full = described.filter(pc.equal(described["typeId"], _FULL_NAME))
    full = full.group_by("conceptId").aggregate([("term", "min")])
    parts = pc.extract_regex(full["term_min"], _TAG)
    tag = pc.struct_field(parts, "tag")
    full = pa.table(
        {
            "conceptId": full["conceptId"],
            "full_name": pc.struct_field(parts, "term"),
            "tag": pc.if_else(pc.equal(tag, ""), pa.scalar(None, pa.string()), tag),
        }
    )
    synonyms = described.filter(pc.equal(described["typeId"], _SYNONYM))
    if preferred is None:
        return full.append_column("preferred", pa.nulls(full.num_rows, pa.string()))
    synonyms = synonyms.filter(pc.is_in(synonyms["id"], value_set=preferred.combine_chunks()))
    chosen = synonyms.group_by("conceptId").aggregate([("term", "min")])
    return full.join(chosen.rename_columns(["conceptId", "preferred"]), "conceptId", join_type="left outer")


def _parents(folder: Path) -> pa.Table:
    files = [each for each in _files(folder, "sct2_Relationship_Snapshot*.txt") if "Stated" not in each.name]
    if not files:
        return pa.table({"sourceId": pa.array([], pa.string()), "parent": pa.array([], pa.string())})
    found = _read(files, ("active", "sourceId", "destinationId", "typeId"))
    is_a = pc.and_(pc.equal(found["active"], "1"), pc.equal(found["typeId"], _IS_A))
    grouped = (
        found.filter(is_a)
        .group_by("sourceId")
        .aggregate([("destinationId", "min"), ("destinationId", "count_distinct")])
    )
    only = grouped.filter(pc.equal(grouped["destinationId_count_distinct"], 1))
    return only.select(["sourceId", "destinationId_min"]).rename_columns(["sourceId", "parent"])


def _release(files: list[Path], concepts: pa.Table) -> str:
    """The day of the release, as files are named, else the newest day of a concept."""
    days = [found.group(1) for each in files if (found := _DATE.search(each.name))]
    return max(days) if days else str(pc.max(concepts["effectiveTime"]).as_py() or "unknown")
