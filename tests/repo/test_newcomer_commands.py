"""Who knows data platforms types the usual commands before reading anything: they work in a clone."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = shutil.which("uv", path=f"{ROOT / '.setup/uv/bin'}{os.pathsep}{os.environ['PATH']}")
NPM = shutil.which("npm")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.skipif(UV is None, reason="uv is not installed"),
]
# What says of the tests' own environment where packages go, and what of AWS is signed by whom.
OWN = ("A360_", "AWS_", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV", "PYTHONPATH", "PYTEST_")


class Clone:
    """A folder with the project's files and nothing that a command has made."""

    def __init__(self, folder):
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)

    def run(self, *command, within=".", **environ):
        """What a command answers, of the exit code and all that it says."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
        done = subprocess.run(
            command,
            cwd=self.folder / within,
            env=own | {"PATH": f"{Path(UV).parent}{os.pathsep}{own['PATH']}"} | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout

    def works(self, *command, **options):
        """The same, which has to succeed."""
        code, told = self.run(*command, **options)
        assert code == 0, told[-3000:]
        return told


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A clone after `uv sync --all-extras --dev`."""
    if not (ROOT / ".git").exists():
        pytest.skip("these are not the files of a repository")
    if {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
        pytest.skip("uv.lock names the public index: with another, set-up is by make")
    made = Clone(tmp_path_factory.mktemp("clone"))
    made.works("uv", "sync", "--all-extras", "--dev")
    return made


@pytest.fixture(scope="module")
def app(clone):
    """The folder of the app for AWS after `npm ci`."""
    if NPM is None:
        pytest.skip("npm is not installed")
    clone.works("npm", "ci", "--no-audit", "--no-fund", within="infra")
    return clone


def test_everything_is_installed_with_every_extra(clone):
    """`uv sync --all-extras --dev` leaves the product, and changes no file of the repository."""
    assert "a360" in clone.works("uv", "run", "a360", "--version")
    assert (clone.folder / "uv.lock").read_bytes() == (ROOT / "uv.lock").read_bytes()


def test_uv_run_pytest(clone):
    """`uv run pytest` runs the tests; here those of one file."""
    assert "passed" in clone.works("uv", "run", "pytest", "tests/repo/test_docs_of_settings.py")


def test_uv_run_pytest_of_what_is_e2e(clone):
    """`uv run pytest -k e2e` takes the tests that run the product as a whole."""
    told = clone.works(
        "uv", "run", "pytest", "-k", "e2e", "--collect-only", "-q", "tests/e2e", "tests/settings"
    )
    assert "tests/e2e/" in told
    assert "tests/settings/" not in told


def test_uv_run_black(clone):
    """`uv run black` knows the length of our lines."""
    assert "unchanged" in clone.works("uv", "run", "black", "--check", "src/a360/settings")


def test_uv_run_mypy(clone):
    """`uv run mypy` is set up; `make types` has it look at everything."""
    assert "no issues" in clone.works("uv", "run", "mypy", "src/a360/errors")


def test_cdk_says_what_it_lacks(clone):
    """Before `npm ci` there is no command line of the CDK, and `cdk` says how it comes."""
    if (clone.folder / "infra/node_modules").exists():
        pytest.skip("it was installed already")
    code, told = clone.run("uv", "run", "cdk", "synth", within="infra")
    assert code == 5
    assert "npm ci" in told


def test_uv_run_cdk_synth(app):
    """`cd infra && npm ci && uv run cdk synth` makes the templates of staging."""
    app.works("uv", "run", "cdk", "synth", "--quiet", within="infra", CDK_VALIDATION="false")
    assert (app.folder / "infra/cdk.out/stagingstorageA9E4C2E5.template.json").is_file()


def test_uv_run_cdk_deploy_without_the_profile(app):
    """`uv run cdk deploy --all --profile P` names what is missing, and deploys nothing."""
    code, told = app.run(
        *("uv", "run", "cdk", "deploy", "--all", "--profile", "P", "--app", "cdk.out"), within="infra"
    )
    assert code == 1
    assert "credentials" in told


def test_uv_run_pytest_of_the_app(clone):
    """`cd infra && uv run pytest` runs the tests of the app; here those of one file."""
    assert "passed" in clone.works("uv", "run", "pytest", "tests/test_images.py", within="infra")


def test_the_uploader_without_the_profile(clone):
    """`utils/s3_sample_data_uploader.py --profile P` says that there is no such profile."""
    code, told = clone.run("uv", "run", "utils/s3_sample_data_uploader.py", "--profile", "P")
    assert code == 5
    assert "aws-credentials" in told
    assert "(P) could not be found" in told
