import hashlib
import os
import subprocess
import sys
from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.synth import GENERATOR_VERSION, generate

# The bytes of this version. A change of the data is a change of GENERATOR_VERSION.
GOLDEN = {"2": "ace4d9b99eac3fd1398b36997a2ddab54df988729ea65ab85775d9066b6b20f9"}


# Written by libraries, whose next version may pack the same content in other bytes.
PACKED = {".parquet", ".jpg"}


def digest(folder, without=frozenset()):
    """One digest of all names and bytes in a folder, less files of some kinds."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in without:
            whole.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def test_bytes_repeat_in_another_process_with_other_hashes_zone_and_locale(tmp_path):
    """The same arguments give the same bytes whatever the hash seed, time zone and locale of the process."""
    generate(tmp_path / "here", patients=12, seed=5, dirty=0.2)
    code = (
        "import sys; from a360.synth import generate; generate(sys.argv[1], patients=12, seed=5, dirty=0.2)"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert digest(tmp_path / "here") == digest(tmp_path / "there")


def test_bytes_of_this_version_are_fixed(tmp_path):
    """The bytes of a generator version never change, on any machine, less what libraries pack."""
    generate(tmp_path, patients=12, seed=1, dirty=0.1)
    assert digest(tmp_path, PACKED) == GOLDEN[GENERATOR_VERSION]


def test_seeds_give_different_people(make):
    """Another seed gives other patients, with no id in common."""
    ids = [{p["id"] for p in make(patients=5, seed=seed, dirty=0.0).resources["Patient"]} for seed in (1, 2)]
    assert not ids[0] & ids[1]


def test_dirt_leaves_everything_else_as_it_was(clean, dirty):
    """The dirty export holds as many lines the clean one does not hold as its report counts dirty ones."""
    strange = Counter()
    for kind, lines in dirty.lines.items():
        strange += Counter(lines) - Counter(clean.lines[kind])
    assert sum(strange.values()) == sum(dirty.report.dirty.values())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    patients=st.integers(1, 8),
    seed=st.integers(-(2**63), 2**63),
    dirty=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
)
def test_any_small_run_repeats_and_counts_what_it_wrote(make, patients, seed, dirty):
    """Any arguments give the same bytes twice, and a report and a manifest that agree with the files."""
    first = make(patients=patients, seed=seed, dirty=dirty)
    second = make(patients=patients, seed=seed, dirty=dirty)
    assert digest(first.folder) == digest(second.folder)
    assert first.report.resources == {kind: len(lines) for kind, lines in first.lines.items()}
    assert [entry["count"] for entry in first.manifest["output"]] == list(first.report.resources.values())
    there = {p.relative_to(first.folder).as_posix(): p for p in first.folder.rglob("*") if p.is_file()}
    assert first.report.bytes == sum(path.stat().st_size for path in there.values())
    assert sorted(first.report.files) == sorted(there)
    if dirty == 0.0:
        assert not any(first.report.dirty.values())
