"""Fixtures of whole lakes, taken over by the conftest of each folder that needs them."""

import json

import pytest
from lakes import data_folder, made_once, write_ndjson
from small_contracts import small_contracts

import a360

__all__ = ["clean_lake", "contracts", "dirty_lake", "module_lake", "put", "small_lake"]


@pytest.fixture(scope="session")
def contracts(tmp_path_factory):
    """The contracts of a small lake."""
    return made_once(tmp_path_factory, "small-contracts", small_contracts)


@pytest.fixture
def small_lake(tmp_path, contracts):
    """A fresh lake with few tables."""
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        yield lake


@pytest.fixture(scope="module")
def module_lake(tmp_path_factory, contracts):
    """A lake with few tables that the tests of a file share."""
    with a360.open(tmp_path_factory.mktemp("shared") / "lake", contracts=contracts) as lake:
        yield lake


@pytest.fixture(scope="session")
def put(tmp_path_factory):
    """Puts resources into a lake: NDJSON files by type, and Bundles as files of their own; one ingest."""

    def bring(lake, *resources, source=None):
        folder = tmp_path_factory.mktemp("input")
        plain = [each for each in resources if each["resourceType"] != "Bundle"]
        write_ndjson(folder, plain)
        for number, each in enumerate(resources):
            if each["resourceType"] == "Bundle":
                (folder / f"Bundle.{number}.json").write_text(json.dumps(each))
        return lake.ingest(folder, source=source)

    return bring


def _real(factory, name):
    folder = data_folder(name)

    def make(into):
        with a360.open(into / "lake") as lake:
            reports = {"ingest": lake.ingest(folder).to_json(), "run": lake.run().to_json()}
        (into / "reports.json").write_text(json.dumps(reports))

    return made_once(factory, name, make), folder


@pytest.fixture(scope="session")
def clean_lake(tmp_path_factory):
    """The lake of the clean real data, the folder it came from, and what ingest and run reported."""
    yield from _opened(*_real(tmp_path_factory, "fhir-synthea-10"))


@pytest.fixture(scope="session")
def dirty_lake(tmp_path_factory):
    """The same of the dirty real data."""
    yield from _opened(*_real(tmp_path_factory, "fhir-synthea-dirty"))


def _opened(made, folder):
    with a360.open(made / "lake") as lake:
        yield lake, folder, json.loads((made / "reports.json").read_text())
