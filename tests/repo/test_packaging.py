import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


def uv():
    private = ROOT / ".setup/uv/bin/uv"
    return shutil.which("uv") or (str(private) if private.exists() else None)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as it would be published."""
    program = uv()
    if program is None:
        pytest.skip("uv is neither on the PATH nor in .setup/uv")
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        program,
        "build",
        "--quiet",
        "--wheel",
        "--python",
        sys.executable,
        "--out-dir",
        str(folder),
        str(ROOT),
    ]
    # what builds the wheel is in uv's cache since set-up; only a cleaned cache needs the network
    result = subprocess.run([*build, "--offline"], capture_output=True, text=True, timeout=120, check=False)
    if result.returncode:
        result = subprocess.run(build, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_product_and_no_more(wheel):
    """The wheel has the package with contracts, environments and types, and neither tests nor tools."""
    names = zipfile.ZipFile(wheel).namelist()
    for part in (
        "a360/py.typed",
        "a360/_defaults/contracts/lake.yaml",
        "a360/_defaults/environments/local.yaml",
        "a360/operate/_evidence/controls/3_technical.yaml",
    ):
        assert part in names
    contracts = {path.relative_to(ROOT).as_posix() for path in (ROOT / "contracts").rglob("*.*ml")}
    assert contracts <= {name.removeprefix("a360/_defaults/") for name in names}
    assert {name.split("/")[0] for name in names} == {
        "a360",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }


def test_wheel_works_outside_the_checkout(wheel, tmp_path):
    """Without a checkout, the product from the wheel finds its contracts and makes a lake."""
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def a360(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "a360", *arguments],
            cwd=elsewhere,
            env=environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    linted = a360("lint")
    assert linted.returncode == 0, linted.stderr
    assert str(site) in linted.stdout
    applied = a360("apply")
    assert applied.returncode == 0, applied.stderr
    assert (elsewhere / "lake/catalog.db").exists()
