"""Signatures, held against what AWS's own text on Signature Version 4 says, computed here from scratch."""

import datetime as dt
import hashlib
import hmac
from types import SimpleNamespace
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest

from a360.aws._signing import SigV4, UnsignedError

KEYS = SimpleNamespace(access_key="AKIDEXAMPLE", secret_key="kept/to+itself", token=None)


class Chain:
    """Credentials that are new at each request, as a role's are now and then."""

    def __init__(self, *frozen):
        self._frozen = list(frozen)

    def get_frozen_credentials(self):
        return self._frozen.pop(0) if len(self._frozen) > 1 else self._frozen[0]


def sent(method, url, *, body=b"", chain=None, headers=None):
    """The request as a server gets it."""
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200)

    with httpx.Client(
        transport=httpx.MockTransport(answer), auth=SigV4(chain or Chain(KEYS), "glue", "eu-west-1")
    ) as client:
        client.request(method, url, content=body, headers=headers)
    return seen[0]


def expected(request, keys):
    """The signature that AWS computes over the headers that a request says are signed."""
    parts = dict(each.split("=", 1) for each in request.headers["authorization"].split(" ", 1)[1].split(", "))
    url = urlsplit(str(request.url))
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            request.method,
            quote(url.path, safe="/~"),
            "&".join(
                sorted(
                    f"{quote(key, safe='~')}={quote(value, safe='~')}"
                    for key, value in parse_qsl(url.query, keep_blank_values=True)
                )
            ),
            "".join(f"{name}:{request.headers[name].strip()}\n" for name in names),
            parts["SignedHeaders"],
            hashlib.sha256(request.content).hexdigest(),
        ]
    )
    _, day, region, service, _ = parts["Credential"].split("/")
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    key = f"AWS4{keys.secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest(), parts


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/iceberg/v1/config?warehouse=123456789012", b""),
        ("GET", "/iceberg/v1/catalogs/1/namespaces?pageToken=a%2Fb%20c&parent=", b""),
        ("POST", "/iceberg/v1/catalogs/1/namespaces/a%1Fb/tables/t%20%C3%A9", b'{"updates": []}'),
        ("DELETE", "/iceberg/v1/catalogs/1/namespaces/x/tables/y", b""),
    ],
)
def test_signatures_are_those_that_aws_computes(method, path, body):
    """Whatever stands in path, query and body, the signature is that of the specification."""
    request = sent(method, f"https://glue.eu-west-1.amazonaws.com{path}", body=body)
    signature, parts = expected(request, KEYS)
    assert parts["Signature"] == signature
    assert parts["Credential"].endswith("/eu-west-1/glue/aws4_request")
    assert "host" in parts["SignedHeaders"].split(";")
    assert request.headers["x-amz-date"][:8] == dt.datetime.now(dt.UTC).strftime("%Y%m%d")


def test_what_the_client_adds_is_not_signed():
    """Headers that a proxy may change stay out of the signature."""
    request = sent("GET", "https://glue.eu-west-1.amazonaws.com/x", headers={"accept-encoding": "br"})
    _, parts = expected(request, KEYS)
    assert not {"accept-encoding", "user-agent", "connection"} & set(parts["SignedHeaders"].split(";"))


def test_each_request_is_signed_by_what_is_good_then():
    """Credentials that were renewed sign the next request, session token and all."""
    fresh = SimpleNamespace(access_key="ASIAFRESH", secret_key="another", token="of a session")
    chain = Chain(KEYS, fresh)
    for keys in (KEYS, fresh):
        request = sent("GET", "https://glue.eu-west-1.amazonaws.com/x", chain=chain)
        signature, parts = expected(request, keys)
        assert (parts["Signature"], request.headers.get("x-amz-security-token")) == (signature, keys.token)


def test_nothing_is_sent_without_credentials():
    """Where the chain fails, the request is not sent, and the secret is in no text."""
    exceptions = pytest.importorskip("botocore.exceptions")

    class Failing:
        def get_frozen_credentials(self):
            raise exceptions.CredentialRetrievalError(provider="sso", error_msg="kept/to+itself")

    with pytest.raises(UnsignedError) as raised:
        sent("GET", "https://glue.eu-west-1.amazonaws.com/x", chain=Failing())
    assert str(raised.value) == "CredentialRetrievalError"
