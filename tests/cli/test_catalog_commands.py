"""The commands around the catalog: clients, configurations that work as printed, and the rebuild."""

import ast
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import duckdb
import pytest

from a360.catalog import ClientKind
from a360.cli._main import run
from a360.jvm import ICEBERG

pytestmark = pytest.mark.e2e

WITH_CLIENT = ["--client", "etl"]
SECRET, TOKEN = "A360_CATALOG_SECRET", "A360_CATALOG_TOKEN"


class Answer(NamedTuple):
    """What a command told."""

    stdout: str
    stderr: str


class Served:
    """A small lake, its catalog served, and a client of it."""

    def __init__(self, folder):
        self.folder = folder
        self.run("init")
        self.secret = json.loads(
            self.run("catalog", "client", "add", "etl", "--scope", "writer", "--json").stdout
        )["secret"]

    def run(self, *arguments, code=0, **environment):
        """A command in this process, since there are many; what is served is served by another."""
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
            ended = run(["--lake", str(self.folder), *arguments])
        assert ended == code, err.getvalue()
        return Answer(out.getvalue(), err.getvalue())

    def __enter__(self):
        command = [sys.executable, "-m", "a360", "--lake", str(self.folder), "catalog", "serve"]
        environment = {**os.environ, TOKEN: "operators-token"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.uri = json.loads(self.process.stdout.readline())["uri"]
        self.python(self.printed("pyiceberg", *WITH_CLIENT) + FILL)
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        self.process.stdout.close()

    def printed(self, kind, *flags):
        return self.run("catalog", "connect", kind, "--uri", self.uri, *flags).stdout

    def python(self, code):
        environment = {**os.environ, SECRET: self.secret, TOKEN: "operators-token"}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


FILL = """
import pyarrow as pa
catalog.create_namespace_if_not_exists("silver")
catalog.create_table("silver.visit", pa.schema([("a", pa.int64())])).append(pa.table({"a": [1, 2]}))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("served") / "lake") as lake:
        yield lake


@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_pyiceberg_runs_what_is_printed(served, flags):
    """The printed Python reaches the tables, by a client's secret and by the operator's token."""
    told = served.python(served.printed("pyiceberg", *flags) + 'print(catalog.list_tables("silver"))')
    assert "('silver', 'visit')" in told


def test_polars_runs_what_is_printed(served):
    """The printed Python reads a table with Polars."""
    pytest.importorskip("polars")
    told = served.python(
        served.printed("polars", *WITH_CLIENT) + 'print(scan("silver.visit").collect().sum())'
    )
    assert "3" in told


@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_duckdb_runs_what_is_printed(served, flags, monkeypatch):
    """The printed SQL reads and writes; its command line has getenv(), for which a function stands here."""
    monkeypatch.setenv(SECRET, served.secret)
    monkeypatch.setenv(TOKEN, "operators-token")
    duck = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        folder = Path(next(iter(importlib.import_module(f"duckdb_extension_{name}").__path__)))
        duck.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    duck.create_function("getenv", lambda name: os.environ[name], [str], str)
    setup, printed = re.split(r"(?<=LOAD iceberg;)\n", served.printed("duckdb", *flags))
    assert setup.split("\n") == ["INSTALL httpfs;", "INSTALL iceberg;", "LOAD httpfs;", "LOAD iceberg;"]
    duck.execute(printed)
    assert duck.sql("SELECT sum(a) FROM lake.silver.visit WHERE a < 3").fetchall() == [(3,)]
    duck.execute("INSERT INTO lake.silver.visit VALUES (10)")
    assert duck.sql("SELECT count(*) FROM lake.silver.visit WHERE a = 10").fetchall() == [(1,)]
    duck.execute("DELETE FROM lake.silver.visit WHERE a = 10")
    duck.close()


@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_what_is_printed_for_spark_is_python(served, flags):
    """The script parses, and sets each of its settings once."""
    tree = ast.parse(served.printed("spark", *flags))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    settings = [call.args[0].value for call in calls if getattr(call.func, "attr", "") in {"config", "set"}]
    assert len(settings) == len(set(settings))
    proof = "credential" if flags else "token"
    assert {"spark.sql.catalog.lake", "spark.sql.catalog.lake.uri", f"spark.sql.catalog.lake.{proof}"} <= set(
        settings
    )


@pytest.mark.spark
@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_spark_runs_what_is_printed(served, flags, iceberg_jar, monkeypatch, tmp_path):
    """The printed script reads and writes on a real Spark, with the pinned jar, which is given as a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    named = f'"spark.jars.packages", "{ICEBERG.coordinates}"'
    printed = served.printed("spark", *flags)
    assert named in printed
    then = (
        'spark.sql("INSERT INTO lake.silver.visit VALUES (30)")\n'
        'spark.sql("DELETE FROM lake.silver.visit WHERE a = 30")\n'
        'print(spark.sql("SELECT sum(a) AS total FROM lake.silver.visit").first().total)'
    )
    told = served.python(printed.replace(named, f'"spark.jars", "{iceberg_jar.as_uri()}"') + then)
    assert told.split()[-1] == "3"


@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_what_is_printed_for_trino_is_a_properties_file(served, flags):
    """Trino does not run here: each line of its file sets one property."""
    lines = served.printed("trino", *flags).splitlines()
    settings = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert settings["connector.name"] == "iceberg"
    assert settings["iceberg.rest-catalog.uri"] == served.uri
    proof = "credential" if flags else "token"
    assert "${ENV:A360_CATALOG_" in settings[f"iceberg.rest-catalog.oauth2.{proof}"]


@pytest.mark.parametrize("kind", ClientKind)
@pytest.mark.parametrize("flags", [WITH_CLIENT, []], ids=["client", "token"])
def test_no_secret_is_printed_unless_asked_for(served, kind, flags):
    """A configuration names the variable, and holds what the variable has only with --show-secret."""
    held = {SECRET: "the-secret", TOKEN: "the-token"}
    variable = SECRET if flags else TOKEN
    hidden = served.run("catalog", "connect", kind, *flags, **held).stdout
    shown = served.run("catalog", "connect", kind, *flags, "--show-secret", **held).stdout
    assert variable in hidden
    assert held[variable] not in hidden
    assert held[variable] in shown
    assert variable not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["catalog", "connect", "pyiceberg", "--client", "nobody"],
        ["catalog", "connect", "pyiceberg", "--uri", 'http://x"; import os #'],
        ["catalog", "connect", "trino", "--uri", "http://x\nfs.hadoop.enabled=false"],
        ["catalog", "connect", "duckdb", "--show-secret"],
        ["catalog", "connect", "excel"],
        ["catalog", "client", "add", "etl"],
        ["catalog", "client", "add", "../etl"],
        ["catalog", "client", "remove", "nobody"],
        ["catalog", "rebuild"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(served, arguments):
    """A client or an address that cannot be, or a rebuild without need, ends with 2 and changes nothing."""
    served.run(*arguments, code=2)
    assert [
        each["name"] for each in json.loads(served.run("catalog", "client", "list", "--json").stdout)
    ] == ["etl"]


def test_clients_come_and_go(served):
    """A client is listed with its scope and without its secret, and is gone once removed."""
    added = served.run("catalog", "client", "add", "dash")
    assert re.search(r"^[0-9a-f]{64}$", added.stdout, re.MULTILINE)
    listed = served.run("catalog", "client", "list").stdout
    assert re.search(r"dash\s+reader", listed)
    assert served.secret not in listed
    served.run("catalog", "client", "remove", "dash")
    assert "dash" not in served.run("catalog", "client", "list").stdout


def test_a_rebuild_tells_what_it_found(tmp_path):
    """The report names tables, versions and what was doubtful, to people and to programs."""
    lake = Served(tmp_path / "lake")
    with lake:
        pass
    (lake.folder / "catalog.db").unlink()
    broken = lake.run("tables", code=5)
    assert "a360 catalog rebuild" in broken.stderr
    told = json.loads(lake.run("catalog", "rebuild", "--json").stdout)
    (table,) = told["tables"]
    assert (table["name"], table["version"], table["versions"], table["doubts"]) == ("silver.visit", 1, 2, [])
    assert "silver.visit" in lake.run("catalog", "rebuild", "--force").stdout
    assert "silver" in lake.run("tables").stdout
