import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


def tracked():
    """Every file that git would publish; none where this is no checkout."""
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [ROOT / name for name in result.stdout.split("\0") if name]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document):
    """Every link to a file of the project, and every anchor in it, exists."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name) if name else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}, (
                target
            )


def test_make_help_lists_every_target():
    """`make help` has a line for each target that a user may call."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE)
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(targets) == set(re.findall(r"^  make ([a-z-]+)", told, re.MULTILINE))


def test_make_refuses_windows():
    """On Windows outside WSL2 make stops with the way out."""
    result = subprocess.run(
        ["make", "help", "OS=Windows_NT"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "WSL2" in result.stderr


def test_ci_runs_what_the_readme_names():
    """The check of a submission and the workflow call the make targets that people call."""
    script = (ROOT / ".ci/run").read_text("utf-8")
    assert "make test" in script
    assert "make lint types" in script
    workflow = yaml.safe_load((ROOT / ".github/workflows/validate.yml").read_text("utf-8"))
    assert workflow["jobs"]["checks"]["strategy"]["matrix"]["target"] == ["lint", "types", "test"]


def test_workflows_cannot_be_taken_over():
    """Workflows name actions by hash and ask for the least; an audit of them finds nothing."""
    audited = subprocess.run(
        [Path(sys.executable).parent / "zizmor", "--offline", "--no-progress", ROOT / ".github/workflows"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert audited.returncode == 0, audited.stdout


def test_extras_are_named():
    """Each capability beyond the base can be asked for by name."""
    extras = PROJECT["project"]["optional-dependencies"]
    assert {"aws", "spark", "orchestration", "serve", "console", "ml", "deid"} <= set(extras)


def test_licence_is_proprietary():
    """The licence that the package names is the one in the file."""
    assert PROJECT["project"]["license"] == "LicenseRef-Proprietary"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "LicenseRef-Proprietary" in text
    assert "Aesthetics 360" in text


def test_version_is_in_the_changelog():
    """The changelog has a section for this version, or one for what is not yet released."""
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(
        rf"^## \[({re.escape(PROJECT['project']['version'])}|Unreleased)\]", changelog, re.MULTILINE
    )


def test_no_data_is_published():
    """No lake, key or data file is among the files of the repository."""
    data = {".parquet", ".avro", ".ndjson", ".duckdb", ".db", ".pem", ".key"}
    assert [path.name for path in tracked() if path.suffix in data or path.name == "a360.json"] == []


def test_nothing_names_this_machine():
    """No file of the repository holds an absolute path of somebody's machine."""
    homes = re.compile(rb"/(?:home|Users)/[a-z]+/|/root/\.")
    found = [path.name for path in tracked() if path.is_file() and homes.search(path.read_bytes())]
    assert [name for name in found if name != Path(__file__).name] == []


def test_lakes_are_ignored():
    """A lake in the project's folder never shows up as a change."""
    result = subprocess.run(
        ["git", "check-ignore", "lake/a360.json", "lake-input/a360.json", ".setup/x"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 128:
        pytest.skip("this is no git checkout")
    assert len(result.stdout.splitlines()) == 3
