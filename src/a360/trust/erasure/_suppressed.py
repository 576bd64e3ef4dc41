"""By what is recognised, should it come again, what was erased."""

from collections.abc import Sequence

import pyarrow as pa

from a360.protect import Tokenizer, domains


def digests_of(
    tokenizer: Tokenizer, patients: Sequence[str], contents: Sequence[str]
) -> list[tuple[str, str]]:
    """The kinds and digests that an ingest goes by; a patient's key is not told by its digest."""
    digests = tokenizer.tokens(domains.ERASED, pa.array(patients, pa.string())).to_pylist()
    told = [(domains.PATIENT, each) for each in digests]
    return told + [(domains.CONTENT, each) for each in contents]
