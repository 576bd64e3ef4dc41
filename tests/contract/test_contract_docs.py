"""The documentation says all that a contract may say."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from a360.contract import FAULTS
from a360.contract._environment import Alerts, Environment, Share, SparkJobs
from a360.contract._lakefile import LakeFile, Retention, ZoneDeclaration, Zones
from a360.contract._odcs import (
    Column,
    ColumnProperties,
    Contract,
    DatasetProperties,
    Quality,
    Table,
    TypeOptions,
)
from a360.contract._policy_file import (
    BreakGlass,
    Budget,
    Consent,
    Deny,
    Filter,
    Grant,
    Group,
    Impersonation,
    Mask,
    Role,
    UserEntry,
)
from a360.contract._records import Deleted, Drift, RecordField, RecordReference, RecordSource, TimeField
from a360.contract._types import LOGICAL_TYPES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "contracts.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[A-Za-z0-9_.]+", TEXT))
MODELS = (
    Contract,
    Table,
    Column,
    Quality,
    TypeOptions,
    LakeFile,
    Zones,
    ZoneDeclaration,
    Role,
    Budget,
    Group,
    UserEntry,
    Grant,
    Deny,
    Filter,
    Mask,
    Consent,
    BreakGlass,
    Impersonation,
    Retention,
    RecordSource,
    TimeField,
    Deleted,
    Drift,
    RecordField,
    RecordReference,
)
ASIDE = {"a360.", "id", "customProperties"}


@pytest.mark.parametrize(
    "model", [*MODELS, Environment, Share, Alerts, SparkJobs], ids=lambda model: model.__name__
)
def test_every_key_is_documented(model: type[BaseModel]):
    """A key that a file may have stands in the documentation."""
    keys = {field.alias or name for name, field in model.model_fields.items()} - ASIDE
    assert keys - WORDS == set()


@pytest.mark.parametrize("model", [DatasetProperties, ColumnProperties], ids=lambda model: model.__name__)
def test_every_property_is_documented(model: type[BaseModel]):
    """A property of the lake stands in the documentation under its full name."""
    properties = {f"a360.{field.alias or name}" for name, field in model.model_fields.items()}
    assert properties - WORDS == set()


def test_every_code_and_type_is_documented():
    """The documentation has one line for each fault code, worded as in the program, and names every type."""
    for code, meaning in FAULTS.items():
        assert f"| {code} | {meaning} |" in TEXT
    assert set(re.findall(r"^\| (C\d+) ", TEXT, re.MULTILINE)) == set(FAULTS)
    assert set(LOGICAL_TYPES) - WORDS == set()
