"""The doctor on Spark: what is not installed keeps no lake from being well, and what is broken is told."""

from importlib.metadata import PackageNotFoundError

import pytest

from a360.jvm import ICEBERG, Java
from a360.lake import examine
from a360.operate._doctor import _spark
from a360.settings import load_settings


@pytest.fixture
def look(tmp_path, monkeypatch):
    """What the doctor says of Spark, on a machine that has PySpark and a Java, and no jar."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(_spark, "version", lambda name: "4.1.4")
    monkeypatch.setattr(_spark, "find_java", lambda named: Java(tmp_path, "17.0.1", "PATH"))
    settings = load_settings(lake=tmp_path / "lake", cache=tmp_path / "cache")

    def see():
        return {each.name: each for each in examine(settings) if each.area == "spark"}

    return see


def test_missing_extra_is_no_trouble(look, monkeypatch):
    """Without the extra there is one line, which is well and says how to have Spark."""

    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(_spark, "version", missing)
    assert [(name, each.status) for name, each in look().items()] == [("extra", "ok")]
    assert "make setup-spark" in look()["extra"].found


def test_other_version_warns(look, monkeypatch):
    """A PySpark other than the pinned one warns, and names the pinned one."""
    assert look()["extra"].status == "ok"
    monkeypatch.setattr(_spark, "version", lambda name: "3.5.0")
    assert look()["extra"].status == "warn"
    assert "4.1.4" in look()["extra"].next_step


def test_missing_java_warns(look, monkeypatch, tmp_path):
    """No Java that fits is a warning with every place that was looked at: the lake works without."""
    assert look()["java"].status == "ok"
    monkeypatch.undo()
    monkeypatch.setenv("A360_JAVA_HOME", str(tmp_path / "nowhere"))
    [found] = [_spark._java(load_settings())]
    assert found.status == "warn"
    assert "java_home" in found.found


def test_jar_is_missed_and_a_changed_one_fails(look, tmp_path):
    """A jar that was not fetched yet warns; one with another content fails: it would be loaded as code."""
    assert look()["jars"].status == "warn"
    path = tmp_path / "cache/jars" / ICEBERG.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other")
    found = look()["jars"]
    assert found.status == "fail"
    assert str(path) in found.next_step
