"""Generated exports, read once for all tests of a worker."""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from a360.synth import SynthReport, generate


@dataclass
class Export:
    """A written export with the lines of its resource files."""

    folder: Path
    report: SynthReport
    manifest: dict
    lines: dict[str, list[bytes]]

    @property
    def resources(self) -> dict[str, list[dict]]:
        """The resources of an export whose every line can be read."""
        return {kind: [json.loads(line) for line in lines] for kind, lines in self.lines.items()}


def read_export(folder: Path, report: SynthReport) -> Export:
    """Read an export by its manifest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    lines = defaultdict(list)
    for entry in manifest["output"]:
        lines[entry["type"]] += (folder / entry["url"]).read_bytes().splitlines()
    return Export(folder, report, manifest, dict(lines))


@pytest.fixture(scope="session")
def make(tmp_path_factory):
    """Write and read an export with the arguments given."""

    def run(**arguments):
        folder = tmp_path_factory.mktemp("export")
        return read_export(folder, generate(folder, **arguments))

    return run


@pytest.fixture(scope="session")
def clean(make):
    """An export without dirt."""
    return make(patients=450, seed=11, dirty=0.0)


@pytest.fixture(scope="session")
def dirty(make):
    """The same export with a tenth of it dirty."""
    return make(patients=450, seed=11, dirty=0.1)


@pytest.fixture(scope="session")
def clean_resources(clean):
    """The resources of the clean export, by type."""
    return clean.resources


@pytest.fixture(scope="session")
def latest(clean_resources):
    """The last version of every resource, by type and id, in the order a lake would settle on."""
    found = defaultdict(dict)
    for kind, resources in clean_resources.items():
        for resource in resources:
            known = found[kind].get(resource["id"])
            if known is None or _version(resource) >= _version(known):
                found[kind][resource["id"]] = resource
    return found


def _version(resource):
    """Where a version stands in the order of versions."""
    meta = resource["meta"]
    return _instant(meta.get("lastUpdated")), int(meta.get("versionId", 0))


def _instant(text):
    """The moment of a time stamp; one that is missing comes before all others."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
