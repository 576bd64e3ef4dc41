import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
EXAMPLES = (ROOT / "examples/README.md").read_text("utf-8")
FEWER = (r"--patients \d+", "--patients 12")


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def make_commands():
    return [line.split("#")[0].strip() for line in re.findall(r"^    (make .*)$", README, re.MULTILINE)]


def shell(script, folder):
    """Run lines as a user would type them, with the environment switched on; the first that fails ends it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.parametrize("command", make_commands())
def test_make_commands_exist(command):
    """Every make command of the README is one that make knows; `-n` shows what it would do."""
    result = subprocess.run([*command.split(), "-n"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_readme_promises_three_commands():
    """The README begins with the three commands a newcomer needs."""
    assert make_commands() == ["make demo", "make demo INPUT=dir", "make test"]


@pytest.mark.e2e
def test_commands_for_looking_around_work(demo_lake):
    """Every command of the README's first block works on the lake that the demo left."""
    result = shell(blocks(README, "sh")[0], demo_lake.folder)
    assert result.returncode == 0, result.stderr
    assert (demo_lake.folder / "utilisation.csv").stat().st_size > 100


@pytest.mark.e2e
def test_step_by_step_works(tmp_path):
    """The single steps work as the README has them, with fewer patients, and so does the Python."""
    steps = re.sub(*FEWER, blocks(README, "sh")[1])
    script = f"{steps}\npython - <<'END'\n{blocks(README, 'python')[0]}END\n"
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"\[\{'patients': [1-9]\d*\}\]", result.stdout.splitlines()[-1])


@pytest.mark.e2e
def test_examples_work(demo_lake, tmp_path):
    """Every command of the examples works as it is written, from the project's folder on the demo's lake."""
    (script,) = blocks(EXAMPLES, "sh")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "lake").symlink_to(demo_lake.path)
    result = shell(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert "gold.patient_360" in result.stdout


def test_every_example_is_listed():
    """Each file in examples/ stands among the commands of its README."""
    (script,) = blocks(EXAMPLES, "sh")
    files = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "examples").rglob("*")
        if path.suffix in {".py", ".sql", ".sh"}
    ]
    assert sorted(re.findall(r"examples/\S+", script)) == sorted(files)


@pytest.mark.e2e
def test_make_demo_makes_a_lake(tmp_path):
    """`make demo` sets up, runs the main job into LAKE, and takes paths with blanks."""
    lake = tmp_path / "a lake"
    result = subprocess.run(
        ["make", "demo", "PATIENTS=12", f"LAKE={lake}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "gold.patient_360" in result.stdout
    assert (lake / "a360.json").exists()
