import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360 import aws
from a360.aws._archive import require_glibc
from a360.errors import A360Error

ROOT = Path(__file__).resolve().parents[2]
NAMES = st.text("abcdefgäß.-_ ", min_size=1, max_size=8).filter(lambda name: name.strip(". "))
FILES = st.dictionaries(NAMES.map(lambda name: f"d/{name}"), st.binary(max_size=50), max_size=6)
MANIFEST = aws.Manifest("emr-spark-8.2.0", "x86_64", "3.12.9", {"a360-data-lake": "0.1.0"})


def laid(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


@given(FILES)
def test_the_same_content_has_the_same_bytes(tmp_path_factory, files):
    """Neither the order in which files were made, nor their times, owners and folders, are in an archive."""
    folder = tmp_path_factory.mktemp("twice")
    one, two = laid(folder / "one", files), laid(folder / "two", dict(reversed(files.items())))
    for name in files:
        os.utime(two / name, (1, 1))
        (two / name).chmod(0o600)
    for root in (one, two):
        root.mkdir(exist_ok=True)
        aws.pack(root, folder / f"{root.name}.tar.gz", MANIFEST)
    assert (folder / "one.tar.gz").read_bytes() == (folder / "two.tar.gz").read_bytes()


@given(FILES)
def test_the_manifest_tells_every_file_by_its_digest(tmp_path_factory, files):
    """What is unpacked is what was packed, and the manifest's digests are the files'."""
    folder = tmp_path_factory.mktemp("whole")
    root = laid(folder / "root", files)
    root.mkdir(exist_ok=True)
    told = aws.pack(root, folder / "a.tar.gz", MANIFEST)
    assert aws.read_manifest(folder / "a.tar.gz") == told
    assert told.files == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    with tarfile.open(folder / "a.tar.gz") as archive:
        archive.extractall(folder / "there", filter="data")
    assert {name: (folder / "there" / name).read_bytes() for name in files} == files
    assert json.loads((folder / "there/a360-archive.json").read_text())["python"] == "3.12.9"


def test_links_stay_links_and_none_leads_out(tmp_path):
    """A link within the environment is packed as one; a link that leaves it ends the packing."""
    root = laid(tmp_path / "root", {"bin/python3.12": b"#!"})
    (root / "bin/python3.12").chmod(0o755)
    (root / "bin/python").symlink_to("python3.12")
    aws.pack(root, tmp_path / "a.tar.gz", MANIFEST)
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        link, program = archive.getmember("bin/python"), archive.getmember("bin/python3.12")
    assert (link.issym(), link.linkname, program.mode) == (True, "python3.12", 0o755)
    (root / "bin/passwords").symlink_to("/etc/passwd")
    with pytest.raises(A360Error, match="bin/passwords"):
        aws.pack(root, tmp_path / "b.tar.gz", MANIFEST)
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_library_that_asks_for_a_newer_system_is_named(tmp_path):
    """A program that would not start on the workers is found where the archive is made."""
    root = laid(tmp_path / "root", {
        "lib/old.so": b"\x7fELF..GLIBC_2.2.5..GLIBC_2.34.", "note.txt": b"GLIBC_2.99",
    })  # fmt: skip
    require_glibc(root, (2, 34))
    laid(root, {"lib/new.so": b"\x7fELF..GLIBC_2.38."})
    with pytest.raises(A360Error, match=r"lib/new\.so[\s\S]*2\.38, not 2\.34"):
        require_glibc(root, (2, 34))


def test_a_release_that_nobody_knows_is_refused():
    """Archives are made for releases whose Spark the engine runs on, and for no others."""
    with pytest.raises(A360Error, match=r"emr-7\.9\.0"):
        aws.packager("emr-7.9.0", "x86_64")


def test_a_python_that_cannot_be_moved_is_refused(tmp_path):
    """A virtual environment, whose program is a link, is no Python to bring along."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.12").symlink_to(sys.executable)
    with pytest.raises(A360Error, match="archive-unbuilt"):
        aws.packager("emr-spark-8.2.0", "x86_64", tmp_path).build(tmp_path / "a.tar.gz", print)
    assert not (tmp_path / "a.tar.gz").exists()


@pytest.mark.e2e
@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="a Python of this machine runs on no worker",
)
@pytest.mark.timeout(900)
def test_a_job_starts_from_the_unpacked_archive(tmp_path):
    """The packages of uv.lock with this project, beside a Python, start a job in an empty folder.

    The Python is copied, as none that can be moved need be here: what is shown is what is packed around it.
    """
    if shutil.which("uv") is None and not (ROOT / ".setup/uv/bin/uv").exists():
        pytest.skip("uv is neither on the PATH nor in .setup/uv")
    python = tmp_path / "python"
    home = Path(sys.base_prefix)
    (python / "bin").mkdir(parents=True)
    shutil.copy2(Path(sys.executable).resolve(), python / "bin/python3.12")
    ignored = shutil.ignore_patterns("site-packages", "__pycache__", "test", "*.a", "config-*")
    shutil.copytree(home / "lib/python3.12", python / "lib/python3.12", ignore=ignored, symlinks=True)
    # of a machine newer than the workers: what it is linked to is looked at by a test of its own
    release = replace(aws.release_of("emr-spark-8.2.0"), glibc=(2, 40))
    made = aws.Packager(release, "x86_64", ROOT, python).build(tmp_path / "a.tar.gz", print)
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        archive.extractall(tmp_path / "environment", filter="data")
    told = subprocess.run(
        ["environment/bin/python3.12", "-c", "import a360.aws, boto3, duckdb; print(a360.__file__)"],
        cwd=tmp_path, env={}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert Path(told.stdout.strip()).is_relative_to(tmp_path / "environment")
    assert made.packages["duckdb"] == "1.5.5"
    assert "pyspark" not in made.packages
    assert not [name for name in made.files if name.endswith("direct_url.json")]
