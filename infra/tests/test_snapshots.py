"""What changes in the templates is seen in a review: `pytest --snapshot-update` writes each to a file.

Of the stacks that the contracts shard, the smallest stands for all: what they hold is what the contracts say,
which other tests hold them to.
"""

import re

import pytest
from syrupy.extensions.json import JSONSnapshotExtension

PARTS = (
    *("storage", "governance", "catalog", "catalog-gold-patient-1", "grants", "grants-gold-patient-1"),
    *(
        "network",
        "workplace",
        "processing",
        "orchestration",
        "ingest",
        "reception",
        "operations",
        "delivery",
        "ml",
    ),
)


@pytest.fixture
def kept(snapshot):
    return snapshot.use_extension(JSONSnapshotExtension)


def reviewed(template):
    """A template without what the CDK adds to all, and what says nothing to a reader."""
    parameters = template.get("Parameters", {}).keys() - {"BootstrapVersion"}
    return without_noise(
        {
            "Parameters": sorted(parameters),
            "Resources": template["Resources"],
            "Outputs": template.get("Outputs", {}),
        }
    )


def without_noise(value):
    """No tags that all have, no paths within the app, no fingerprints of files."""
    if isinstance(value, dict):
        return {key: without_noise(each) for key, each in value.items() if key not in {"Tags", "Metadata"}}
    if isinstance(value, list):
        return [without_noise(each) for each in value]
    return re.sub("[0-9a-f]{64}", "<sha256>", value) if isinstance(value, str) else value


@pytest.mark.parametrize("part", PARTS)
def test_a_template_is_the_reviewed_one(template, kept, part):
    """Nothing changes in a template that nobody has looked at."""
    assert reviewed(template(part).to_json()) == kept


def test_every_kind_of_stack_is_kept(stacks):
    """A stack is kept, or one of its shards is."""
    kinds = {re.sub("^(catalog|grants)-.+", r"\1-", part) for part in stacks}
    assert kinds == {re.sub("^(catalog|grants)-.+", r"\1-", part) for part in PARTS}
