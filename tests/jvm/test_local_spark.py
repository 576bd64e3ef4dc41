"""The local Spark of a process: small, silent, on loopback, and gone when the process is."""

import contextlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from a360.errors import OperatorError, UsageError
from a360.jvm import (
    ICEBERG,
    PYSPARK,
    close_spark,
    find_java,
    local_spark,
    require_extra,
    spark_session,
    submit_properties,
)
from a360.settings import load_settings

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark_installed")]


@pytest.fixture(scope="module", autouse=True)
def without_a_spark_of_others():
    """Other files of this process may have started one, and given it jars."""
    close_spark()


PROGRAM = """
import json, sys
from a360.jvm import local_spark
session = local_spark()
rows = session.range(4).repartition(3).selectExpr("sum(id) AS total").collect()
try:
    session.sql("SELECT CAST(concat('Zebu', id) AS INT) FROM range(2)").collect()
except Exception as error:
    failed = "Zebu" in str(error)
java = session.sparkContext._gateway.proc.pid
folder = session.conf.get("spark.local.dir")
print(json.dumps({"total": rows[0].total, "failed": failed, "java": java, "folder": folder}))
"""


THEIRS = """
import json, threading
from pyspark.sql import SparkSession
from a360.fhir import evaluate
from a360.jvm import close_spark
made = threading.Thread(target=lambda: SparkSession.builder.master("local[1]").config(map={
    "spark.ui.enabled": "false", "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "America/New_York"}).getOrCreate())
made.start()
made.join()
view = {"resource": "Patient", "select": [{"column": [{"name": "n", "path": "name.count()"}]}]}
rows = evaluate(view, [{"resourceType": "Patient"}], engine="spark")
close_spark()
theirs = SparkSession.builder.getOrCreate()
settings = [theirs.conf.get("spark.sql." + name) for name in ("ansi.enabled", "session.timeZone")]
print(json.dumps({"rows": rows, "alive": theirs.range(3).count(), "settings": settings}))
"""


def python(program, folder):
    """What a process that runs a program in a folder has said."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture(scope="module")
def ran(tmp_path_factory, spark_installed):
    """A process that has used Spark and ended, in a folder of its own."""
    folder = tmp_path_factory.mktemp("run")
    result = python(PROGRAM, folder)
    return result, json.loads(result.stdout), folder


def test_spark_of_somebody_else_is_used_and_left_alone(tmp_path):
    """In a notebook or a job views run on the Spark that is there, in our sense; it goes on as it was."""
    told = json.loads(python(THEIRS, tmp_path).stdout.splitlines()[-1])
    assert told == {"rows": [{"n": 0}], "alive": 3, "settings": ["false", "America/New_York"]}


def test_nothing_is_said_and_no_data_is_logged(ran):
    """Spark is silent, also where a query fails over a value: the caller alone is told, by an exception."""
    result, told, _ = ran
    assert told["total"] == 6
    assert told["failed"]
    assert result.stderr == ""


def test_nothing_is_left_behind(ran):
    """When the process has ended, so has its Java, and no file of it is left anywhere."""
    _, told, folder = ran
    assert not Path(told["folder"]).exists()
    assert list(folder.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(told["java"], 0)


def test_configuration_is_the_promised_one():
    """Two-valued settings that results and privacy rest on: ANSI, UTC, loopback, encryption, no page."""
    conf = local_spark().conf
    wanted = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.io.encryption.enabled": "true",
        "spark.ui.enabled": "false",
    }
    assert {name: conf.get(name) for name in wanted} == wanted


def test_there_is_one_spark_a_process():
    """A second call gives a session of the Spark that the first one started, with views of its own."""
    first, second = local_spark(), local_spark()
    assert first.sparkContext is second.sparkContext
    first.range(1).createOrReplaceTempView("mine")
    assert not second.catalog.tableExists("mine")


def test_only_loopback_is_listened_on():
    """Neither Spark nor the gateway to it can be reached from another machine."""
    process = local_spark().sparkContext._gateway.proc.pid
    listening = [
        line.split()[1].partition(":")[0]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and _belongs(line.split()[9], process)
    ]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert listening
    assert set(listening) <= loopback


def _belongs(inode, process):
    return f"socket:[{inode}]" in map(_target, Path(f"/proc/{process}/fd").iterdir())


def _target(descriptor):
    """What a descriptor of a process stands for; nothing where it has been closed meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize(
    "end", [lambda spark: spark.stop(), lambda spark: spark.sparkContext._gateway.proc.kill()]
)
def test_it_starts_again_after_it_was_ended_by_others(end):
    """A Spark that somebody stopped, or whose Java died, is replaced at the next call; its files are gone."""
    spark = local_spark()
    folder = Path(spark.conf.get("spark.local.dir"))
    end(spark)
    with contextlib.suppress(subprocess.TimeoutExpired):
        spark.sparkContext._gateway.proc.wait(1) if spark.sparkContext._gateway else None
    assert local_spark().range(2).count() == 2
    assert not folder.exists()


def test_pinned_version_is_the_one_that_is_told_and_runs():
    """The version that the doctor asks for is the one that the extra pins, and the one that runs."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["optional-dependencies"]["spark"] == [f"pyspark=={PYSPARK}"]
    assert local_spark().version == PYSPARK


def test_it_starts_again_for_a_jar_that_it_lacks(iceberg_jar):
    """A Spark without a jar makes way for one with it, unless work goes on; closing that ends its Java."""
    with spark_session() as working:
        with pytest.raises(UsageError) as caught:
            local_spark([ICEBERG])
        assert working.range(3).count() == 3
    assert "iceberg" in caught.value.found
    first = working.sparkContext._gateway.proc
    again = local_spark([ICEBERG])
    assert first.poll() is not None
    assert again.sql("SELECT 1").sparkSession.sparkContext is local_spark().sparkContext
    second = again.sparkContext._gateway.proc
    close_spark()
    assert second.poll() is not None


def test_missing_extra_is_one_clear_error(monkeypatch):
    """Without the package there is one error that says how to install it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OperatorError) as caught:
        require_extra()
    assert caught.value.code.slug == "extra-missing"
    assert "make setup-spark" in caught.value.next_step


def test_java_that_does_not_start_is_told(monkeypatch, tmp_path):
    """Where Java refuses its options, the error has its words, and nothing is left of the attempt."""
    close_spark()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "")
    monkeypatch.setenv("_JAVA_OPTIONS", "-XX:NoSuchOption=1")
    with pytest.raises(OperatorError) as caught:
        local_spark(settings=load_settings())
    assert caught.value.code.slug in {"environment-unfit", "java-missing"}
    assert list(tmp_path.iterdir()) == []


SUBMITTED = """
import json
from a360.jvm import ICEBERG, close_spark, local_spark
session = local_spark([ICEBERG])
names = ["spark.sql.ansi.enabled", "spark.sql.session.timeZone", "spark.driver.host", "spark.app.name"]
print(json.dumps({name: session.conf.get(name) for name in names} | {
    "catalog": session.sparkContext._jvm.java.lang.Class.forName(
        "org.apache.iceberg.spark.SparkCatalog", False,
        session.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader()).getSimpleName(),
    "rows": session.range(3).count(), "ours": session.sparkContext._gateway.proc is not None}))
close_spark()
"""


@pytest.mark.parametrize("with_jar", [True, False])
def test_a_job_uses_the_spark_that_it_was_submitted_to(tmp_path, iceberg_jar, with_jar):
    """Under spark-submit the given Java is used as it is configured; a local one without Iceberg is not."""
    job = tmp_path / "job.py"
    job.write_text(SUBMITTED)
    program = Path(sys.executable).with_name("spark-submit")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    result = subprocess.run(
        [
            *(program, "--master", "local[1]", "--name", "theirs", "--conf", "spark.ui.enabled=false"),
            *(["--jars", iceberg_jar] if with_jar else []),
            job,
        ],
        cwd=tmp_path,
        env=environ | {"PYSPARK_PYTHON": sys.executable, "JAVA_HOME": str(find_java().home)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    assert told == {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.host": "127.0.0.1",
        "spark.app.name": "theirs" if with_jar else "a360",
        "catalog": "SparkCatalog",
        "rows": 3,
        "ours": not with_jar,
    }


def test_what_a_job_is_submitted_with_leaves_its_size_to_others():
    """The properties of a job say what results, privacy and Iceberg rest on, and nothing of size or place."""
    told = submit_properties(["s3://bucket/iceberg.jar"])
    assert told["spark.jars"] == "s3://bucket/iceberg.jar"
    assert told["spark.sql.extensions"] == ICEBERG.extension
    assert told["spark.io.encryption.enabled"] == told["spark.sql.ansi.enabled"] == "true"
    assert not [name for name in told if "memory" in name or "cores" in name or "master" in name]
