"""Jars: only the pinned content is ever used, whatever is in the cache or comes over the network."""

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from a360.errors import OperatorError
from a360.jvm import Jar, Java, cached, find_java, resolve

CONTENT = b"PK\x05\x06" + bytes(18)
JAR = Jar("org.example.clinic", "small-one_2.13", "1.2.3", hashlib.sha256(CONTENT).hexdigest())
NO_JAVA = Java(Path("/nonexistent"), "17", "test")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No test sees the user's own Maven repository."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def keep(folder, content=CONTENT):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JAR.file).write_bytes(content)
    return folder / JAR.file


def in_maven_layout(folder):
    return folder.joinpath("org", "example", "clinic", JAR.name, JAR.version)


@pytest.fixture
def repository(tmp_path):
    """A Maven repository on loopback; it counts what it is asked for."""
    root = tmp_path / "repository"
    place = in_maven_layout(root)
    keep(place)
    ids = f"<groupId>{JAR.group}</groupId><artifactId>{JAR.name}</artifactId><version>{JAR.version}</version>"
    pom = f"<project><modelVersion>4.0.0</modelVersion>{ids}</project>"
    (place / JAR.file.replace(".jar", ".pom")).write_text(pom)
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=root))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/"
    server.place, server.asked = place, asked
    yield server
    server.shutdown()
    server.server_close()


def test_kept_jar_needs_neither_network_nor_java(cache):
    """What is in the cache is used as it is, offline."""
    path = keep(cache / "jars")
    assert cached(JAR, cache) == path
    assert resolve(JAR, cache, NO_JAVA, "http://127.0.0.1:1/") == path


def test_jar_of_the_users_own_maven_is_used(cache, home):
    """What Maven has brought already is not fetched again."""
    path = keep(in_maven_layout(home / ".m2/repository"))
    assert resolve(JAR, cache, NO_JAVA, "http://127.0.0.1:1/") == path


def test_changed_jar_is_refused_at_every_use(cache):
    """One changed byte of a kept jar is found, and it is neither used nor silently replaced."""
    path = keep(cache / "jars", CONTENT[:-1] + b"\x01")
    for use in (cached, partial(resolve, java=NO_JAVA)):
        with pytest.raises(OperatorError) as caught:
            use(JAR, cache)
        assert caught.value.code.slug == "jar-untrusted"
        assert caught.value.where == str(path)
        assert JAR.sha256 in caught.value.found
    assert path.exists()


@pytest.mark.spark
def test_jar_is_fetched_once(cache, repository, spark_installed):
    """A jar comes from the repository once; then it is there, with nothing else beside it."""
    path = resolve(JAR, cache, find_java(), repository.url)
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == [JAR.file]
    asked = len(repository.asked)
    assert resolve(JAR, cache, NO_JAVA, repository.url) == path
    assert len(repository.asked) == asked


@pytest.mark.spark
def test_other_content_from_the_network_is_not_kept(cache, repository, spark_installed):
    """A repository that serves another file is told of, and nothing of it stays."""
    keep(repository.place, CONTENT + b"more")
    with pytest.raises(OperatorError) as caught:
        resolve(JAR, cache, find_java(), repository.url)
    assert caught.value.code.slug == "jar-untrusted"
    assert caught.value.where == repository.url
    assert list((cache / "jars").iterdir()) == []


@pytest.mark.spark
@pytest.mark.parametrize("present", [True, False])
def test_jar_that_cannot_be_had_is_told_with_the_way_out(cache, repository, spark_installed, present):
    """Without the network, or where a repository lacks the jar, one error says which file belongs where."""
    url = repository.url if present else "http://127.0.0.1:1/"
    (repository.place / JAR.file).unlink()
    with pytest.raises(OperatorError) as caught:
        resolve(JAR, cache, find_java(), url)
    error = caught.value
    assert error.code.slug == "jar-missing"
    assert error.where == JAR.coordinates
    assert error.found
    assert JAR.file in error.next_step
    assert str(cache / "jars") in error.next_step
    assert list((cache / "jars").iterdir()) == []
