"""The server as it is reached: where it listens, by what TLS, and what programs of others read from it."""

import contextlib
import importlib
import os
import re
import resource
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import duckdb
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from a360.errors import OperatorError, UsageError
from a360.serve import READERS, Server, Tls, how_to_read, make_app
from a360.serve import _server as server_module

TABLE = "silver.patient"


@contextlib.contextmanager
def serving(app, tls=None):
    """A server on loopback, in a thread."""
    ready = threading.Event()
    server = Server(lambda: app, "127.0.0.1", 0, tls, ready=lambda _: ready.set())
    thread = threading.Thread(target=server.serve_until_told)
    thread.start()
    try:
        assert ready.wait(10)
        yield server
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def served(house):
    """The house's server on loopback."""
    with serving(house.app) as server:
        yield server


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of this machine that signs itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lake")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *form))
    return Tls(folder / "cert.pem", folder / "key.pem")


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "lake.clinic.example", "", "127.0.0.1.evil.example"]
)
def test_without_tls_only_this_machine_is_served(house, host):
    """A server that others could reach is not started without TLS, and does not listen first."""
    with pytest.raises(UsageError, match="Without TLS"):
        Server(lambda: house.app, host, 0)


def test_a_port_that_is_taken_is_told(house, served):
    """Where the server cannot listen, its operator is told, and no other server suffers."""
    with pytest.raises(OperatorError, match="cannot listen"):
        Server(lambda: house.app, "127.0.0.1", int(served.uri.rpartition(":")[2]))


def test_tls_is_what_it_says(house, certificate):
    """With a certificate answers come by TLS 1.2 or later, with a header that keeps browsers to it."""
    trust = ssl.create_default_context(cafile=certificate.certificate)
    with serving(make_app(lambda: house.served, secure=True), certificate) as server:
        assert server.uri.startswith("https://")
        answer = httpx.get(f"{server.uri}/healthz", verify=trust)
        assert (answer.status_code, "strict-transport-security" in answer.headers) == (204, True)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.uri.replace('https', 'http')}/healthz")
    assert certificate.context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_a_certificate_that_is_none_is_told(house, certificate, tmp_path):
    """Where TLS cannot be set up the server does not start: there is no falling back to none."""
    (tmp_path / "x.pem").write_text("no certificate")
    for tls in (
        Tls(tmp_path / "x.pem", certificate.key),
        Tls(certificate.certificate, tmp_path / "none.pem"),
    ):
        with pytest.raises(OperatorError, match="certificate"):
            Server(lambda: house.app, "127.0.0.1", 0, tls)


def run_python(text, token):
    """What a script answers."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "A360_TOKEN": token},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("reader", ["pandas", "polars"])
def test_python_reads_what_is_printed(house, served, reader):
    """The printed scripts for pandas and Polars read the rows that the token's user may see."""
    pytest.importorskip(reader, reason=f"{reader} is not installed")
    told = run_python(how_to_read(reader, served.uri, TABLE), house.api_token())
    assert "Ann 1" in told
    assert "CANARY" not in told


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("reader", ["curl", "tableau"])
def test_curl_reads_what_is_printed(house, served, reader, tmp_path):
    """The printed command reads CSV, with the token on no command line."""
    text = how_to_read(reader, served.uri, TABLE, "treatment")
    command = text[text.index("printf") :].split("\n\n")[0]
    secret = house.api_token(purpose=None)
    assert secret not in command
    environment = {**os.environ, "A360_TOKEN": secret}
    done = subprocess.run(
        ["sh", "-c", command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told = (tmp_path / "a360.csv").read_text() if reader == "tableau" else done.stdout
    assert told.count("Ann") == 3


def test_duckdb_reads_what_is_printed(house, served, monkeypatch):
    """The printed SQL reads CSV; DuckDB's command line has getenv(), for which a function stands here."""
    monkeypatch.setenv("A360_TOKEN", house.api_token())
    text = how_to_read("duckdb", served.uri, TABLE, "treatment")
    setup, printed = re.split(r"(?<=LOAD httpfs;)\n", text)
    assert setup.split("\n")[1:] == ["INSTALL httpfs;", "LOAD httpfs;"]
    folder = Path(next(iter(importlib.import_module("duckdb_extension_httpfs").__path__)))
    with duckdb.connect() as duck:
        duck.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/httpfs.duckdb_extension'")
        duck.create_function("getenv", lambda name: os.environ[name], [str], str)
        assert duck.execute(printed).to_arrow_table()["name"].to_pylist() == ["Ann 0", "Ann 1", "Ann 2"]


@pytest.mark.parametrize("reader", ["excel", "powerbi"])
def test_power_query_asks_what_the_server_answers(house, served, reader):
    """The URL, query and credentials that the printed M text names are answered with CSV."""
    text = how_to_read(reader, served.uri, TABLE, "treatment")
    base, path = re.search(r'Web.Contents\("(.*?)"', text)[1], re.search(r'RelativePath = "(.*?)"', text)[1]
    asked = dict(re.findall(r'(\w+) = "(.*?)"', re.search(r"Query = \[(.*?)\]", text)[1]))
    answer = httpx.get(
        f"{base}/{path}", params=asked, headers={"Accept": "text/csv"}, auth=("nurse", house.api_token())
    )
    assert answer.text.count("Ann") == 3


def test_no_text_holds_a_token():
    """Every reader has a text with its URL and table, and a place where the token is kept apart from it."""
    for reader in READERS:
        text = how_to_read(reader, "https://lake.example:8360/", "gold.visit_facts", "operations")
        assert "https://lake.example:8360" in text
        assert "gold.visit_facts" in text
        assert "operations" in text
        assert not re.search(r"@[A-Z_]+@", text)
        assert "A360_TOKEN" in text or "Basic" in text


def test_who_sends_nothing_holds_no_connection(house, monkeypatch):
    """A client that has sent no whole request after a while is sent away, one that is answered is not."""
    monkeypatch.setattr(server_module, "_HEADER_SECONDS", 0.5)
    with serving(house.app) as server:
        address = ("127.0.0.1", int(server.uri.rpartition(":")[2]))
        with socket.create_connection(address) as silent, httpx.Client(base_url=server.uri) as busy:
            silent.settimeout(5)
            silent.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"204" in silent.recv(4096)
            silent.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert busy.get("/healthz").status_code == 204
            assert silent.recv(100) == b""
            assert busy.get("/healthz").status_code == 204


def test_a_thousand_connections_cost_little(house, served):
    """As many clients as there may be take little memory, and those beyond are told so."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    address = ("127.0.0.1", int(served.uri.rpartition(":")[2]))
    request = b"GET /v1/tables HTTP/1.1\r\nHost: x\r\n\r\n"
    with contextlib.ExitStack() as open_:
        clients = [open_.enter_context(socket.create_connection(address, timeout=10)) for _ in range(1050)]
        for client in clients:
            client.sendall(request)
        told = [client.recv(65_536).split(b" ")[1] for client in clients]
    assert set(told) <= {b"401", b"429", b"503"}
    assert b"503" in told
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000
    until = time.monotonic() + 10
    while httpx.get(f"{served.uri}/healthz").status_code != 204:
        assert time.monotonic() < until
        time.sleep(0.1)
