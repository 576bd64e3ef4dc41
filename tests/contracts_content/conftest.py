"""Puts the shared modules of these tests and the oracle on the path, and gives the inputs they run on."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "oracle"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(params=["fhir-synthea-10", "fhir-synthea-dirty", "hl7v2", "generated"])
def origin(request):
    """Where FHIR resources come from: two public sets, another converter's output, and our own generator."""
    from content_inputs import require  # noqa: PLC0415 - on the path from here on

    require(request.param)
    return request.param
