"""How the identity provider is named, and where its keys come from."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import a360
from a360.errors import DeniedError, OperatorError
from a360.settings import load_settings
from a360.trust.identity import KeySet

PUBLIC = jwt.algorithms.RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key())
KEYS = json.dumps({"keys": [{**json.loads(PUBLIC), "kid": "one"}]}).encode()
ODD = json.dumps({
    "keys": [
        {"kid": "one", "kty": kty, **dict.fromkeys(("n", "e", "x", "y", "crv", "alg"), value)}
        for kty in ("RSA", "EC", "OKP", ["RSA"], {}, None, 7)
        for value in ("", "AA", "%", [], {}, None, 7, "P-256")
    ]
}).encode()  # fmt: skip


@pytest.fixture(scope="module")
def provider():
    """A provider's place for its keys, on loopback, that answers what its path says."""

    held = threading.Event()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if self.path == "/moved" else 200)
            self.send_header("Location", "/keys")
            self.end_headers()
            if self.path == "/slow":
                for byte in KEYS:
                    self.wfile.write(bytes([byte]))
                    if held.wait(0.05):
                        return
                return
            garbage = {"/large": b"[" * 2_000_000, "/deep": b"[" * 900_000, "/odd": ODD}
            self.wfile.write(garbage.get(self.path, KEYS))

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Keys) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        held.set()
        server.shutdown()
        thread.join()


def test_keys_come_from_a_url(provider):
    """A key set is fetched from where the setting says."""
    assert KeySet(f"{provider}/keys").key("one").algorithms >= {"RS256", "PS256"}


@pytest.mark.parametrize("path", ["/moved", "/large", "/deep", "/odd"])
def test_keys_come_from_nowhere_else(provider, path):
    """What leads elsewhere, or is too large to be a key set, is none, and nobody logs in."""
    with pytest.raises(OperatorError, match="cannot be read"):
        KeySet(f"{provider}{path}").key("one")


def test_a_provider_has_so_long_to_answer_and_no_longer(provider):
    """A byte now and then gains a provider no time, and who has a known key does not wait for it at all."""
    clock = [0.0]
    keys = KeySet(f"{provider}/slow", seconds=0.3, clock=lambda: clock[0])
    began = time.monotonic()
    with pytest.raises(OperatorError, match="cannot be read"):
        keys.key("one")
    assert time.monotonic() - began < 3
    keys._source = f"{provider}/keys"
    clock[0] = 60.0
    assert keys.key("one")
    keys._source = f"{provider}/slow"
    clock[0] += 2 * 3600
    began = time.monotonic()
    assert keys.key("one")
    assert keys._reading is not None
    assert time.monotonic() - began < 0.25


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_algorithms": "HS256"},
        {"oidc_algorithms": "RS256,none"},
        {"oidc_algorithms": ""},
        {"oidc_jwks": "http://id.clinic.example/jwks"},
        {"oidc_jwks": "http://127.0.0.1.evil.example/jwks"},
        {"oidc_jwks": "https://user:secret@id.clinic.example/jwks"},
        {"oidc_jwks": "jwks.json"},
    ],
)
def test_a_provider_that_others_could_pass_for_is_no_setting(settings):
    """Algorithms by which who verifies could sign, and keys that others could change, are refused."""
    with pytest.raises(OperatorError) as refused:
        load_settings(**settings)
    assert refused.value.code.slug == "setting-invalid"


def test_a_provider_is_named_whole(tmp_path):
    """A provider without its audience or keys is a mistake: nothing is served as if there were none."""
    named = {"oidc_issuer": "https://id.clinic.example", "oidc_jwks": "/etc/a360/jwks.json"}
    with a360.open(tmp_path / "lake", **named) as lake:
        with pytest.raises(OperatorError, match="by halves") as refused:
            lake.served()
        assert refused.value.where == "oidc_audience"


def test_only_who_holds_the_folder_serves_it(tmp_path):
    """A lake that was opened for somebody, whom the policy binds, is not served and issues no tokens."""
    a360.open(tmp_path / "lake").close()
    with a360.open(tmp_path / "lake", principal="somebody") as lake:
        for forbidden in (lake.served, lambda: lake.api_tokens):
            with pytest.raises(DeniedError):
                forbidden()
