"""Images run without root, hold what the lock names, and nothing that was not asked for."""

import re
import tomllib
from pathlib import Path

import pytest

from infra.constructs.private_services import SCRATCH, USER
from infra.tests.conftest import FOLDER

ROOT = FOLDER.parent
IMAGE = FOLDER / "images" / "ingest" / "Dockerfile"


@pytest.fixture(scope="module")
def lines():
    """The instructions of the image, by their word."""
    joined = re.sub(r"\\\n", " ", IMAGE.read_text("utf-8"))
    told = [line.split(maxsplit=1) for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, rest in told]


def test_the_image_does_not_run_as_root(lines):
    """The last user is the one that the services run as, by number."""
    users = [rest for word, rest in lines if word == "USER"]
    assert users[-1] == USER


def test_the_user_can_write_where_containers_write(lines):
    """The place that the services mount is a volume of the image, and belongs to its user."""
    assert ("VOLUME", SCRATCH) in lines
    made = next(index for index, (_, rest) in enumerate(lines) if f"chown {USER} {SCRATCH}" in rest)
    assert made < lines.index(("VOLUME", SCRATCH)) < lines.index(("USER", USER))


def test_what_is_copied_is_there(lines):
    """Each path that a build copies is in the repository, and its list of what is sent names it."""
    sent = {line.removeprefix("!") for line in Path(f"{IMAGE}.dockerignore").read_text("utf-8").splitlines()}
    for word, rest in lines:
        if word == "COPY" and not rest.startswith("--from"):
            for path in rest.split()[:-1]:
                assert (ROOT / path).exists(), path
                assert path in sent, path


def test_packages_are_those_of_the_lock(lines):
    """The image installs by the lock, and Lambda's interface is a package that the lock names."""
    (sync,) = [rest for word, rest in lines if "uv sync" in rest]
    assert {"--frozen", "--no-dev", "--no-editable"} <= set(sync.split())
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    assert any("awslambdaric" in each for each in groups["function"])
    locked = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))["package"]
    assert "awslambdaric" in {each["name"] for each in locked}
    assert "--group function" in sync


def test_no_image_moves(lines):
    """No base image is called `latest`, and a build can name one by its digest."""
    (base,) = [rest for word, rest in lines if word == "ARG"]
    assert base.startswith("BASE=")
    assert not base.endswith("latest")
    assert all(rest.startswith("${BASE}") for word, rest in lines if word == "FROM")
