"""What the tests of HL7 v2 share."""

import sys
from pathlib import Path

import pytest

folder = Path(__file__).parent
if str(folder) not in sys.path:
    sys.path.insert(0, str(folder))

from hl7v2_messages import shared  # noqa: E402 - found on the path just set


@pytest.fixture(scope="session")
def samples():
    """The sample messages and the bundles expected of them."""
    found = shared("hl7v2")
    return found / "messages", found / "expected-fhir"


@pytest.fixture(scope="session")
def guide_folder():
    """The mapping guide's spreadsheets."""
    return shared("v2-to-fhir", "mappings")
