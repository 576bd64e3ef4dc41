"""Which tokens stand for whom: the one place that says how a person's key is made of source and id."""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from a360.protect._ports import Tokenizer

PERSON_TYPES: Final = frozenset({"Patient", "RelatedPerson", "Person"})


def patient_keys(tokenizer: Tokenizer, source: str, ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The patient keys of logical ids of one source; null stays null."""
    return tokenizer.tokens("patient", _within(source, ids))


def resource_keys(
    tokenizer: Tokenizer, source: str, resource_type: str, ids: pa.Array | pa.ChunkedArray
) -> pa.Array | pa.ChunkedArray:
    """How ids of one resource type stand in the lake: as tokens for persons, in clear for all others."""
    if resource_type == "Patient":
        return patient_keys(tokenizer, source, ids)
    if resource_type in PERSON_TYPES:
        return tokenizer.tokens("resource", _within(f"{source}|{resource_type}", ids))
    return ids


def url_keys(tokenizer: Tokenizer, source: str, urls: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The tokens of absolute URLs and urn:uuid names of one source, as `bronze.fhir_resource.full_url` has them."""
    return tokenizer.tokens("identifier", _within(source, urls))


def _within(scope: str, values: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.binary_join_element_wise(pa.scalar(scope), values.cast(pa.string()), "|")
