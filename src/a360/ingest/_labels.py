"""What a file is called in the lake: its name where that tells of nobody, else a token."""

import os
import re
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from a360.fhir import is_resource
from a360.ingest._inputs import Input, suffix_of
from a360.protect import Tokenizer, domains

_TELLS_OF_NOBODY: Final = re.compile(r"([A-Z][A-Za-z]{2,40})([.-]\d{1,6})*\.(ndjson|json|jsonl)(\.gz|\.zst)?")
_TOKEN_DIGITS: Final = 16


def labels_of(inputs: Sequence[Input], tokenizer: Tokenizer) -> list[str]:
    """The label of each file. Files of one patient often bear the patient's name: those get a token."""
    paths = [os.fsencode(each.path.resolve()) for each in inputs]
    tokens = tokenizer.tokens(domains.FILE, pa.array(paths, pa.binary())).to_pylist()
    return [_label(each.path.name, token) for each, token in zip(inputs, tokens, strict=True)]


def is_harmless(name: str) -> bool:
    """Whether a file's name is made of a resource type and numbers alone."""
    match = _TELLS_OF_NOBODY.fullmatch(name)
    return match is not None and (match[1] == "Bundle" or is_resource(match[1]))


def _label(name: str, token: str) -> str:
    return name if is_harmless(name) else f"file-{token[:_TOKEN_DIGITS]}{suffix_of(name)}"
