"""A small lake behind its server's door: who may come in, keys of an identity provider, and a clock."""

import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from a360.contract import BreakGlassPlan, GroupPlan, UserPlan, Whom
from a360.lake import Served
from a360.protect import LocalKeyStore, LocalSealer
from a360.serve import make_app
from a360.trust.emergency import Emergencies
from a360.trust.identity import ApiTokens, Door, KeySet, Login, Provider, TokenVerifier, UsedTokens
from a360.trust.policy import Policy

sys.path.append(str(Path(__file__).resolve().parents[1] / "trust"))

from guarded import guarded

ISSUER, AUDIENCE = "https://id.clinic.example", "a360"
URL = "http://lake.example"
USERS = (
    UserPlan("nurse", roles=("clinician",), attributes={"clinic": "north"}, subject="sub-nurse"),
    UserPlan("owner", roles=("engineer",), email="Owner@clinic.example"),
    UserPlan("temp", subject="sub-temp"),
    UserPlan("robot", roles=("clinician",), attributes={"clinic": "north"}),
)
GROUPS = (GroupPlan("staff", ("engineer",), claims=("idp-engineers",)),)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class IdentityProvider:
    """Signs tokens as a provider does, and in ways that none should be taken for one of its."""

    def __init__(self, folder):
        self.key = rsa.generate_private_key(65537, 2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / "jwks.json"
        keys = [
            {**self._public(jwt.algorithms.RSAAlgorithm, self.key), "kid": "rsa", "use": "sig"},
            {**self._public(jwt.algorithms.ECAlgorithm, self.curve), "kid": "ec", "use": "sig"},
        ]
        self.file.write_text(json.dumps({"keys": keys}))

    @staticmethod
    def _public(algorithm, key):
        return json.loads(algorithm.to_jwk(key.public_key()))

    def claims(self, **changes):
        """Claims of a good token, with changes; what is None is left out."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "sub-nurse",
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key=None, alg="RS256", headers=None, **changes):
        """A token; a good one where nothing is changed."""
        return jwt.encode(
            self.claims(**changes),
            key or self.key,
            alg,
            headers={"kid": "rsa"} if headers is None else headers,
        )


@dataclass
class House:
    """The lake, its server and what a client of it needs."""

    lake: object
    served: Served
    tokens: ApiTokens
    provider: IdentityProvider
    clock: Clock
    app: object

    def new_door(self, **more):
        """A server that has seen nobody yet, over the same lake."""
        served = replace(self.served, door=_door(self, **more))
        return replace(self, served=served, app=make_app(lambda: served))

    def client(self, secret=None, address="192.0.2.1", **more):
        """A client at an address; a context manager."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(address, 40000))
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx.AsyncClient(transport=transport, base_url=URL, headers=headers, **more)

    def api_token(self, user="nurse", purpose="treatment", **lasts):
        """The text of a new API token."""
        return self.tokens.create(user, timedelta(**lasts or {"days": 1}), purpose=purpose)[1]

    def ask(self, method, path, secret=None, address="192.0.2.1", **more):
        """One request."""

        async def request():
            async with self.client(secret, address) as client:
                return await client.request(method, path, **more)

        return asyncio.run(request())

    def query(self, sql, secret=None, accept="application/json", **more):
        """The answer to a query."""
        secret = secret or self.api_token()
        return self.ask("POST", "/v1/query", secret, json={"sql": sql, **more}, headers={"Accept": accept})

    def log_in(self, token=None, **more):
        """The id of a new session."""
        answer = self.ask("POST", "/v1/session", token or self.provider.token(), **more)
        assert answer.status_code == 201, answer.text
        return answer.json()["session"]

    def events(self, action):
        """What is on record of an action, as (principal, outcome, reason)."""
        found = [json.loads(line)["event"] for line in self.lake.records().splitlines()]
        return [
            (each["principal"], each["outcome"], each.get("details", {}).get("reason"))
            for each in found
            if each["action"] == action
        ]


def _door(house, *, algorithms=("RS256", "ES256"), login=True):
    verifier = TokenVerifier(Provider(ISSUER, AUDIENCE, algorithms), KeySet(str(house.provider.file)))
    used = UsedTokens(house.lake.folder / "tokens" / "used.db")
    return Door(
        house.served.plan,
        house.served.audit,
        house.tokens,
        Login(verifier, used) if login else None,
        clock=house.clock,
    )


@pytest.fixture(scope="module")
def lake_of_the_house(tmp_path_factory):
    """A lake that the tests of a module only read."""
    folder = tmp_path_factory.mktemp("served")
    with guarded(folder) as lake:
        glass = BreakGlassPlan(
            "emergency_care",
            Whom(users=("nurse",)),
            tuple(f"silver.patient.{name}" for name in ("patient_key", "name", "clinic", "zip")),
            ("treatment",),
            minutes=30,
        )
        policy = replace(lake.plan.policy, users=USERS, groups=GROUPS, break_glass=(glass,))
        lake.plan = replace(lake.plan, policy=policy)
        # The gateway of the small lake was made for a policy that knows no users by name.
        lake.gateway._policy = Policy(lake.plan)
        yield lake, IdentityProvider(folder)


@pytest.fixture
def house(lake_of_the_house):
    """The lake behind a server that has seen nobody yet."""
    lake, provider = lake_of_the_house
    keys = LocalKeyStore.open(lake.folder / "keys")
    policy = Policy(lake.plan)
    tokens = ApiTokens(lake.folder / "tokens", keys.secret("API tokens"))
    emergencies = Emergencies(policy, lake.audit, LocalSealer(keys), lock=lake.folder / ".reviews")
    served = Served(lake.plan, policy, lake.gateway, emergencies, lake.audit, None)
    return House(lake, served, tokens, provider, Clock(), None).new_door()
