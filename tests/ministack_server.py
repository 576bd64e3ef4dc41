"""A ministack of one's own: TLS, loopback, whoever is not known refused; and two keys of KMS in it."""

import contextlib
import datetime as dt
import ipaddress
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from a360.contract import Environment

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "000000000000"
REGION = "us-east-1"
SIGNED_AS = {"AWS_ACCESS_KEY_ID": "AKIDOPERATOROFKEYS00", "AWS_SECRET_ACCESS_KEY": "the emulator's secret"}


@dataclass(frozen=True)
class Emulator:
    """Where the services are, and two keys of KMS."""

    url: str
    client: Any
    iam: Any
    keys: tuple[str, str]

    @property
    def environment(self):
        """An environment whose KMS is the emulator."""
        return Environment(
            name="emulated", kind="aws", account=ACCOUNT, region=REGION, endpoints={"kms": self.url}
        )


@contextlib.contextmanager
def emulated_aws(folder, services="kms,sts,iam"):
    """Start the emulator, and stop it; skips with a reason where it is not set up."""
    home = _home()
    if not (home / "ready").exists():
        if "aws" in os.environ.get("A360_REQUIRE", "").split(","):
            pytest.fail(f"there is no ministack in {home}: make setup-aws")
        pytest.skip("there is no ministack: make setup-aws")
    certificate, key = _certificate(folder)
    port = _free_port()
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "A360_"))},
        **SIGNED_AS,
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "EDGE_PORT": str(port),
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        "SERVICES": services,
        "TMPDIR": str(folder),
        "USE_SSL": "1",
    }
    with (folder / "log").open("wb") as log, pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patched.delenv(name)
        for name, value in {
            **SIGNED_AS,
            "AWS_CA_BUNDLE": str(certificate),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }.items():
            patched.setenv(name, value)
        server = subprocess.Popen(
            [home / "bin/python", "-m", "ministack"], env=environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield _ready(f"https://127.0.0.1:{port}", server, folder / "log")
        finally:
            # It holds nothing, and would wait for connections that clients keep.
            server.kill()
            server.wait()


def _home():
    done = subprocess.run(
        ["sh", ROOT / "tools/setup_ministack.sh", "find"], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def _ready(url, server, log):
    config = Config(region_name=REGION, retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10)
    client, iam = (boto3.Session().client(each, config=config, endpoint_url=url) for each in ("kms", "iam"))
    deadline = time.monotonic() + 60
    while True:
        try:
            made = [client.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
            return Emulator(url, client, iam, tuple(made))
        except (BotoCoreError, ClientError):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"ministack did not start: {log.read_text()[-2000:]}")
            time.sleep(0.2)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ministack of a test")])
    now = dt.datetime.now(dt.UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(place, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
