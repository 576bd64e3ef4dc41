"""The commands around the served lake, and their page."""

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from a360.cli._main import run
from a360.serve import READERS, _extra

QUERY = "SELECT count(*) AS n FROM ops.audit"
PAGE = (Path(__file__).resolve().parents[2] / "docs/serve.md").read_text("utf-8")


class _Folder:
    """A folder with a lake that has no data, as the fixture `a360` wants it."""

    def __init__(self, folder):
        self.folder = folder


@pytest.fixture(scope="module")
def demo_lake(tmp_path_factory):
    """A lake without data in place of the demo's: nothing here looks at rows."""
    folder = tmp_path_factory.mktemp("served-lake")
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        assert run(["init"]) == 0
    return _Folder(folder)


def test_tokens_are_made_listed_and_revoked(a360):
    """A token is shown when it is made and never again; what is revoked is on the list no more."""
    made = a360("token", "create", "owner", "--days", "7", "--json").json()
    assert re.fullmatch(r"a360_[0-9a-f]{16}_[0-9a-f]{64}", made["token"])
    listed = a360("token", "list", "--json")
    assert made["token"] not in listed.out
    [found] = [each for each in listed.json() if each["id"] == made["id"]]
    assert (found["user"], found["expired"]) == ("owner", False)
    assert made["id"] in a360("token", "list").out
    assert a360("token", "revoke", made["id"], "--json").json()["revoked"]
    assert made["id"] not in a360("token", "list").out
    assert a360("token", "revoke", made["id"]).code == 2
    shown = a360("audit", "search", "--action", "token.create", "--json").json()
    assert shown[0]["details"]["token"] == made["id"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "create", "nobody"),
        ("token", "create", "owner", "--purpose", "treatment"),
        ("token", "revoke", "../a360"),
        ("serve", "--host", "0.0.0.0", "--port", "0"),
        ("serve", "--tls-cert", "cert.pem"),
        ("connect", "curl", "--url", 'http://x" -o /etc/passwd'),
        ("connect", "curl", "--url", "ftp://x"),
        ("connect", "curl", "--url", "http://user:secret@x"),
        ("connect", "curl", "--table", "gold.x; DROP TABLE y"),
        ("connect", "curl", "--purpose", "treatment'"),
    ],
)
def test_what_cannot_be_is_refused_as_usage(a360, arguments):
    """A user, purpose, place or name that is none is refused, before anything is opened."""
    told = a360(*arguments)
    assert (told.code, told.out) == (2, "")
    assert "next:" in told.err


@pytest.mark.parametrize("reader", READERS)
def test_connect_needs_no_lake_and_tells_no_secret(a360, reader, monkeypatch, tmp_path):
    """What a program needs is printed on machines that have no lake, and holds no token that is at hand."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A360_TOKEN", "a360_of_somebody")
    monkeypatch.setenv("A360_URL", "https://lake.example:8360")
    told = a360("connect", reader, "--table", "gold.visit_facts")
    assert "https://lake.example:8360" in told.out
    assert "a360_of_somebody" not in told.out
    assert a360("connect", reader, "--table", "gold.visit_facts", "--json").json()["how"] == told.out


def test_what_serving_needs_is_named_where_it_is_missing(a360, monkeypatch):
    """Without the extra the command says which one it is, and how it is installed."""
    monkeypatch.setattr(_extra, "find_spec", lambda name: None if name == "fastapi" else find_spec(name))
    told = a360("serve", "--json")
    error = json.loads(told.err)
    assert (told.code, error["code"], error["found"]) == (5, "extra-missing", "not installed: fastapi")
    assert "a360-data-lake[serve]" in error["next"]


def test_the_page_names_every_reader_and_route():
    """docs/serve.md has a row for each reader, and says where the boundary is."""
    assert all(f"`{reader}`" in PAGE for reader in READERS)
    assert "under an account of its own" in PAGE


@pytest.mark.e2e
def test_the_command_serves_until_it_is_told_to_end(a360, demo_lake):
    """`a360 serve` says where, answers, and on SIGTERM ends well, with a log that is sound and signed."""
    token = a360("token", "create", "owner", "--json").json()["token"]
    command = [sys.executable, "-m", "a360", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=demo_lake.folder, stdout=subprocess.PIPE, text=True) as process:
        uri = json.loads(process.stdout.readline())["uri"]
        answer = httpx.post(
            f"{uri}/v1/query",
            json={"sql": QUERY},
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert answer.json()[0]["n"] > 0
    assert a360("audit", "verify", "--json").json()["sound"]
