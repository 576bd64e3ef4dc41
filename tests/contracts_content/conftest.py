"""Puts the shared modules of these tests and the oracle on the path, and gives the inputs they run on."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "oracle"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(scope="session", params=["fhir-synthea-10", "fhir-synthea-dirty", "hl7v2", "generated"])
def resources(request, tmp_path_factory):
    """FHIR resources of four origins: two public sets, what another converter makes of HL7v2, and our own."""
    from inputs import bundled, data_folder, generated  # noqa: PLC0415 - on the path from here on
    from silver_oracle import read  # noqa: PLC0415 - likewise

    if request.param == "generated":
        return generated(tmp_path_factory.mktemp("generated"))
    folder = data_folder(request.param)
    if request.param == "hl7v2":
        return bundled(sorted((folder / "expected-fhir").glob("*.json")))
    return read(*sorted(folder.glob("*.ndjson")))
