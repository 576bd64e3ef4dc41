"""From rows to envelopes: checked, extracted, tokenised, digested."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from a360.fhir import is_resource
from a360.ingest._bundle import Deletion
from a360.ingest._decode import Fault
from a360.ingest._depth import deeper_than
from a360.ingest._extract import extract, instants
from a360.ingest._limits import Limits
from a360.ingest._rows import Batch, Rows
from a360.ingest._rules import Rule
from a360.protect import PERSON_TYPES, Tokenizer, domains

_ID: Final = r"^[A-Za-z0-9.-]{1,64}$"
_PATIENT: Final = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?")
_URN: Final = re.compile(r"urn:uuid:([A-Za-z0-9.-]{1,64})")

ENVELOPE: Final = pa.schema(
    [
        ("resource_type", pa.string()),
        ("resource_id", pa.string()),
        ("version_id", pa.string()),
        ("last_updated", pa.timestamp("us", tz="UTC")),
        ("content_hash", pa.string()),
        ("subject_token", pa.string()),
        ("full_url", pa.string()),
        ("contained", pa.string()),
        ("deleted", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class Identity:
    """How identities of one source become tokens."""

    tokenizer: Tokenizer
    source: str

    def persons(self, ids: pa.Array) -> pa.Array:
        """The keys of persons by their logical ids."""
        return self.tokenizer.tokens(domains.PATIENT, self._scoped(ids))

    def urls(self, urls: pa.Array) -> pa.Array:
        """The tokens of full URLs."""
        return self.tokenizer.tokens(domains.FULL_URL, self._scoped(urls))

    def _scoped(self, values: pa.Array) -> pa.Array:
        return pc.binary_join_element_wise(pa.scalar(self.source), values, "|")


def envelopes(batch: Batch, identity: Identity, limits: Limits) -> pa.Table:
    """The envelopes of a batch's rows, in order; rows that fail a check move to `batch.refused`."""
    for check in (_without_identity, _too_long(limits), _too_deep(limits)):
        batch.refuse(check(batch.rows), limits.kept_bytes)
    extracted = extract(as_texts(batch.rows))
    disagreeing = _disagreeing(batch.rows, extracted)
    if disagreeing:
        extracted = extracted.filter(pa.array([place not in disagreeing for place in range(len(extracted))]))
        batch.refuse(disagreeing, limits.kept_bytes)
    return _assemble(batch.rows, extracted, identity)


def deletion_envelopes(deletions: Iterable[Deletion], identity: Identity) -> pa.Table:
    """The envelopes of deletions: `last_updated` is null where the source does not say when."""
    told = list(deletions)
    types = pa.array([each.resource_type for each in told], pa.string())
    ids = pa.array([each.id for each in told], pa.string())
    # A deletion without a time is told apart from the next one of the same resource by the text it stood in.
    contents = [_content(each) for each in told]
    patients = pc.if_else(pc.equal(types, "Patient"), ids, None)
    columns = [
        types,
        _keys(types, ids, identity),
        pa.array([each.version for each in told], pa.string()),
        instants(pa.array([each.at for each in told], pa.string())),
        identity.tokenizer.digests(pa.array(contents, pa.binary())),
        identity.persons(patients),
        pa.nulls(len(told), pa.string()),
        pa.nulls(len(told), pa.string()),
        pa.repeat(pa.scalar(value=True), len(told)),
    ]
    return pa.table(columns, schema=ENVELOPE)


def _content(told: Deletion) -> bytes:
    if told.at is None:
        return told.raw
    parts = (f"DELETE {told.resource_type}/{told.id}", told.at, told.version)
    return " ".join(part for part in parts if part).encode()


def _assemble(rows: Rows, extracted: pa.Table, identity: Identity) -> pa.Table:
    count = len(rows)
    types, ids = rows.types, rows.ids
    urls = pa.nulls(count, pa.string()) if rows.full_urls is None else rows.full_urls
    columns = [
        types,
        _keys(types, ids, identity),
        extracted["version_id"],
        extracted["last_updated"].cast(pa.timestamp("us", tz="UTC")),
        identity.tokenizer.digests(_as_views(rows)),
        identity.persons(_patients(rows, extracted)),
        identity.urls(urls),
        _mapped(extracted["contained"], _known_types),
        pa.repeat(pa.scalar(value=False), count),
    ]
    return pa.table(columns, schema=ENVELOPE)


def _keys(types: pa.Array, ids: pa.Array, identity: Identity) -> pa.Array:
    """Ids as they stand in the lake: tokens for persons, in clear for all else."""
    persons = pc.is_in(types, pa.array(sorted(PERSON_TYPES)))
    return pc.if_else(persons, identity.persons(pc.if_else(persons, ids, None)), ids)


def _patients(rows: Rows, extracted: pa.Table) -> pa.Array:
    """The logical id of the patient each row speaks of; null where it names none that is known by its text.

    References that search (`Patient?identifier=…`) are left to the resolution in silver.
    """
    named = pc.coalesce(extracted["subject"], extracted["participant"])
    ids = _mapped(named, lambda text: rows.aliases.get(text) or _patient_id(text))
    return pc.if_else(pc.equal(rows.types, "Patient"), rows.ids, ids)


def _patient_id(reference: str) -> str | None:
    match = _PATIENT.fullmatch(reference) or _URN.fullmatch(reference)
    return match[1] if match else None


def _known_types(names: str) -> str | None:
    return ",".join(name for name in names.split(",") if is_resource(name)) or None


def _mapped(values: pa.ChunkedArray, function: Callable[[str], str | None]) -> pa.Array:
    """A function over texts, called once for each distinct one; null stays null."""
    encoded = pc.dictionary_encode(values).combine_chunks()
    mapped = pa.array([function(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return pc.take(mapped, encoded.indices)


def _without_identity(rows: Rows) -> dict[int, Fault]:
    faults = _where(pc.is_null(rows.types), Fault(Rule.NO_RESOURCE_TYPE, "an object without resourceType"))
    seen = pc.unique(rows.types).drop_null().to_pylist()
    known = pc.is_in(rows.types, pa.array([name for name in seen if is_resource(name)], pa.string()))
    unknown = pc.and_(pc.is_valid(rows.types), pc.invert(known))
    faults |= _where(unknown, Fault(Rule.UNKNOWN_RESOURCE_TYPE, "resourceType is none of FHIR R4"))
    faults |= _where(pc.and_(known, pc.is_null(rows.ids)), Fault(Rule.MISSING_ID, "a resource without id"))
    odd = pc.and_(known, pc.invert(pc.fill_null(pc.match_substring_regex(rows.ids, _ID), fill_value=True)))
    faults |= _where(odd, Fault(Rule.INVALID_ID, "id is not 1 to 64 letters, digits, `-` and `.`"))
    return faults


def _too_long(limits: Limits) -> Callable[[Rows], dict[int, Fault]]:
    def check(rows: Rows) -> dict[int, Fault]:
        fault = Fault(Rule.TOO_LONG, f"the resource has more than {limits.line_bytes} bytes")
        return _where(rows.ends - rows.starts > limits.line_bytes, fault)

    return check


def _too_deep(limits: Limits) -> Callable[[Rows], dict[int, Fault]]:
    def check(rows: Rows) -> dict[int, Fault]:
        fault = Fault(Rule.TOO_DEEP, f"nested deeper than {limits.depth} levels")
        return _where(deeper_than(limits.depth, rows.text, rows.starts, rows.ends), fault)

    return check


def _disagreeing(rows: Rows, extracted: pa.Table) -> Mapping[int, Fault]:
    """Rows whose type or id two readers see differently: of equal keys one takes the first, one the last.

    Such a text could be one resource in the envelope and another in the payload.
    """
    unlike = pc.or_(
        pc.fill_null(pc.not_equal(rows.types, extracted["resource_type"]), fill_value=True),
        pc.fill_null(pc.not_equal(rows.ids, extracted["id"]), fill_value=True),
    )
    return _where(unlike, Fault(Rule.DUPLICATE_KEYS, "resourceType or id stands in it more than once"))


def _where(mask: object, fault: Fault) -> dict[int, Fault]:
    return dict.fromkeys(np.flatnonzero(np.asarray(mask)).tolist(), fault)


def as_texts(rows: Rows) -> pa.Array:
    """The rows' texts, of more than twelve bytes each, without copying."""
    return _as_views(rows).cast(pa.string_view())


def _as_views(rows: Rows) -> pa.Array:
    """The rows' texts as Arrow views: no byte is copied, however the rows lie in the text.

    A view is its length, the first four bytes, the buffer's number and the place in it; texts of up to twelve
    bytes would stand in the view itself, but none is as short: a resource has a type and an id.
    """
    views = np.zeros(len(rows), dtype=[("size", "<i4"), ("prefix", "V4"), ("buffer", "<i4"), ("at", "<i4")])
    views["size"], views["at"] = rows.ends - rows.starts, rows.starts
    prefix = rows.text[rows.starts[:, None] + np.arange(4)]
    views["prefix"] = np.ascontiguousarray(prefix).view("V4").ravel()
    return pa.Array.from_buffers(
        pa.binary_view(), len(rows), [None, pa.py_buffer(views), pa.py_buffer(rows.text)]
    )
