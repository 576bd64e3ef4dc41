"""A process that erases is killed anywhere; whoever comes next completes it, as if nobody had died.

`ERASURE_KILLS` says how often, where that is to be more than a few times.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from erasure_samples import PLANTED, REFUSED, RESOURCES, bring, bytes_under, everything, opened
from lakes import rows_of

import a360
from a360.errors import OperatorError
from a360.failpoints import ENV
from a360.protect import open_block

pytestmark = pytest.mark.faults

KILLS = int(os.environ.get("ERASURE_KILLS", "1"))
LONGEST = 4.0
# Where it hurts, with how often a place is passed at most.
PLACES = {
    "erasure.begun": 1,
    "erasure.rows-taken": 14,
    "table.commit.before": 30,
    "table.commit.written": 25,
    "table.commit.after": 30,
    "erasure.blocks-resealed": 1,
    "erasure.column-resealed": 8,
    "erasure.begin_end": 1,
    "keys.destroy.recorded": 2,
    "keys.destroy.overwritten": 3,
    "vault.sweep.destroyed": 1,
    "table.purge.before": 12,
    "table.expire.before": 12,
    "table.expire.after": 12,
    "table.collect.before": 12,
    "erasure.table-purged": 12,
    "erasure.destroy": 1,
    "erasure.certified": 1,
    "erasure.recorded": 1,
}


class Clinic:
    """A lake that is put back in its place, as it was before anything was erased."""

    def __init__(self, folder, contracts):
        self.lake, self.pristine, self.contracts = folder / "lake", folder / "pristine", contracts
        with a360.open(self.lake, contracts=contracts) as lake:
            bring(lake, folder / "in", [*RESOURCES, REFUSED])
            lake.run()
            self.keys = [lake.erasures.key_of("default", each) for each in ("a", "a2")]
            self.before = everything(lake, *self.keys)
        shutil.copytree(self.lake, self.pristine)

    def restore(self):
        """Put the lake back."""
        shutil.rmtree(self.lake)
        shutil.copytree(self.pristine, self.lake)

    def erase(self, *arguments, failpoints="", seconds=None):
        """Run the command, killed at a failpoint or after a time; its exit code."""
        command = [sys.executable, "-m", "a360", "erase", "--lake", str(self.lake), *arguments]
        told = {ENV: failpoints, "A360_CONTRACTS": str(self.contracts)}
        process = subprocess.Popen(command, env=os.environ | told, stdout=subprocess.DEVNULL)
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


@pytest.fixture(scope="module")
def clinic(tmp_path_factory, contracts):
    """A lake of four patients."""
    return Clinic(tmp_path_factory.mktemp("killed"), contracts)


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.timeout(120)
def test_whoever_is_killed_is_completed(clinic, number):
    """No byte and no past of the patient is left, others are as before, and a backup does not open."""
    chance = random.Random(number)
    clinic.restore()
    for call in (["--id", "a", "--yes"], ["--resume"]):
        if chance.random() < 0.5:
            place = chance.choice(list(PLACES))
            code = clinic.erase(*call, failpoints=f"{place}=kill@{chance.randint(1, PLACES[place])}")
        else:
            code = clinic.erase(*call, seconds=chance.uniform(0.6, LONGEST))
        assert code in {0, -signal.SIGKILL}
    with a360.open(clinic.lake, contracts=clinic.contracts) as lake:
        lake.erasures.resume()
        if clinic.keys[0] in lake.tables.read("silver.patient")["patient_key"].to_pylist():
            # Nobody got as far as a journal, so that there was nothing to resume.
            lake.erasures.erase(named={"default": ["a"]})
        require_gone(clinic, lake)


def require_gone(clinic, lake):
    """Hold that the patient is nowhere, and everybody else where they were."""
    sought = [*(each.encode() for each in PLANTED), *(key.encode() for key in clinic.keys), b'Patient/a"']
    for text in (*bytes_under(lake.path), *opened(lake)):
        assert not [each for each in sought if each in text]
    after = everything(lake, *clinic.keys)
    whole = {"gold.practitioner_counts", "bronze.fhir_block"}
    assert {name: rows for name, rows in after.items() if name not in whole} == {
        name: [row for row in rows if '"acc1"' not in row]
        for name, rows in clinic.before.items()
        if name not in whole
    }
    for name in after:
        assert len({each.commit_id for each in lake.tables.snapshots(name)}) == 1
        assert lake.tables.collect(name) == []
    assert not list(lake.path.glob("erasures/*.begun.*"))
    require_backup_closed(lake, clinic.pristine)
    told = rows_of(lake, "SELECT count(*) AS n FROM ops.audit WHERE action = 'erase' AND outcome = 'done'")
    assert told[0]["n"] >= 1
    assert lake.verify().sound
    assert not [step for step in lake.run().steps if step.commit_id]


def require_backup_closed(lake, backup):
    """Hold that no block of a copy of before opens with the keys that are left."""
    for path in Path(backup).glob("warehouse/bronze/fhir_block/data/**/*.parquet"):
        for row in pq.read_table(path).to_pylist():
            with pytest.raises(OperatorError, match="destroyed"):
                open_block(lake._parts.sealer, row["block_id"], row["payload"])
