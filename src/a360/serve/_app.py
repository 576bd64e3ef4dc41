"""The application: its routes, each a question to the lake's door, gateway or policy and no more."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBasic, HTTPBearer
from starlette.exceptions import HTTPException

from a360.errors import A360Error, UsageError
from a360.lake import Served
from a360.protect import AuditEvent
from a360.serve import _forms as forms
from a360.serve import _problems as problems
from a360.serve._answer import ARROW, CSV, FORMATS, JSON, JSON_LINES, Answer
from a360.serve._credentials import Credentials, credentials
from a360.serve._edge import Edge
from a360.serve._queries import Queries
from a360.trust.gateway import QueryResult
from a360.trust.identity import Caller

_PROBLEM = {"content": {problems.MEDIA_TYPE: {"schema": forms.Problem.model_json_schema()}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {**_PROBLEM, "description": "Refused."},
    "5XX": {**_PROBLEM, "description": "The lake cannot answer now."},
}
_ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows, in the format that Accept asks for, as they are computed.",
        "content": {JSON: {"schema": {"type": "array"}}, ARROW: {}, CSV: {}, JSON_LINES: {}},
    }
}
# These describe how credentials are sent; `credentials` reads them.
_SCHEMES = [
    Security(HTTPBearer(auto_error=False, description="The id of a session, or an API token.")),
    Security(HTTPBasic(auto_error=False, description="A user's name and its API token.")),
]


type Now = Callable[[], Served]
type Known = Callable[..., Caller]


def make_app(now: Now, *, secure: bool = False) -> Edge:
    """The application that answers from a lake.

    Args:
        now: Gives what a request is answered from; each asks once, and goes by that.
        secure: Whether it is reached by TLS only.
    """
    return Edge(make_api(now), secure=secure)


def make_api(now: Now) -> FastAPI:
    """The routes, and their OpenAPI document; requests pass the edge first."""
    queries = Queries()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        queries.close()

    api = FastAPI(
        title="A360 Data Lake",
        summary="Queries over the lake, as far as its policy lets who asks see it.",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=_REFUSALS,
        exception_handlers={
            A360Error: problems.of_error,
            HTTPException: problems.of_http,
            RequestValidationError: problems.of_unfit,
            Exception: problems.of_fault,
        },
    )

    def known(
        given: Annotated[Credentials, Depends(credentials)], lake: Annotated[Served, Depends(now)]
    ) -> Caller:
        """Who asks."""
        return lake.door.identify(given.secret, given.address, given.user)

    _add_session(api, now, known)
    _add_look(api, now, known)
    _add_queries(api, now, known, queries)
    return api


def _add_session(api: FastAPI, now: Now, known: Known) -> None:
    def told(lake: Served, caller: Caller) -> dict[str, Any]:
        principal = caller.principal
        session = caller.session
        return {
            "principal": principal.name,
            "roles": list(lake.policy.roles_of(principal)),
            "groups": list(principal.groups),
            "purposes": list(lake.policy.purposes_of(principal)),
            "seconds_left": None if session is None else lake.door.sessions.seconds_left(session),
        }

    @api.post("/v1/session", status_code=201, dependencies=_SCHEMES)
    def log_in(
        given: Annotated[Credentials, Depends(credentials)], lake: Annotated[Served, Depends(now)]
    ) -> forms.Begun:
        """Log in with an identity provider's token, which is good for one login, or an API token."""
        identity, caller = lake.door.login(given.secret, given.address, given.user)
        return forms.Begun(session=identity, **told(lake, caller))

    @api.get("/v1/session", dependencies=_SCHEMES)
    def who_am_i(
        caller: Annotated[Caller, Depends(known)], lake: Annotated[Served, Depends(now)]
    ) -> forms.Whoami:
        """Tell who asks, as the policy knows it."""
        return forms.Whoami(**told(lake, caller))

    @api.delete("/v1/session", status_code=204, dependencies=_SCHEMES)
    def log_out(
        given: Annotated[Credentials, Depends(credentials)],
        lake: Annotated[Served, Depends(now)],
        _: Annotated[Caller, Depends(known)],
    ) -> None:
        """End the session whose id is sent."""
        lake.door.logout(given.secret or "", given.address)


def _add_look(api: FastAPI, now: Now, known: Known) -> None:
    @api.get("/healthz", status_code=204, include_in_schema=False)
    async def healthz() -> None:
        """Say that requests are answered, and nothing of the lake."""

    @api.get("/v1/openapi.json", dependencies=_SCHEMES)
    def openapi(_: Annotated[Caller, Depends(known)]) -> dict[str, Any]:
        """The OpenAPI document of these routes."""
        return api.openapi()

    @api.get("/v1/tables", dependencies=_SCHEMES)
    def tables(
        asked: Annotated[forms.Look, Query()],
        caller: Annotated[Caller, Depends(known)],
        lake: Annotated[Served, Depends(now)],
    ) -> list[forms.Table]:
        """List the tables of which something may be seen for a purpose, and what of them."""
        purpose = asked.purpose or caller.purpose or lake.policy.default_purpose(caller.principal)
        found = list(_tables(lake, caller, purpose))
        names = tuple(table.name for table in found)
        event = AuditEvent(
            datetime.now(UTC),
            caller.principal.name,
            "describe",
            names,
            "allowed",
            purpose,
            source=caller.address,
        )
        lake.audit.record(event)
        return found

    @api.post("/v1/emergencies", status_code=201, dependencies=_SCHEMES)
    def declare(
        told: forms.Declaration,
        caller: Annotated[Caller, Depends(known)],
        lake: Annotated[Served, Depends(now)],
    ) -> forms.Declared:
        """Break the glass by a rule: on record before it holds, for a while, and to be reviewed."""
        emergency = lake.emergencies.declare(
            caller.principal,
            told.rule,
            told.reason,
            purpose=told.purpose,
            minutes=told.minutes,
            source=caller.address,
        )
        return forms.Declared(id=emergency.id, rule=emergency.rule, ends=emergency.ends.isoformat())


def _tables(lake: Served, caller: Caller, purpose: str | None) -> "list[forms.Table]":
    found = []
    for table in (*lake.plan.tables, *lake.plan.relations):
        decision = lake.policy.decide(caller.principal, "select", table.dataset, purpose=purpose)
        if not decision.allowed or not decision.visible:
            continue
        columns = [
            forms.Column(name=column.name, type=column.type, mask=decision.columns[column.name].mask)
            for column in table.columns
            if column.name in decision.visible
        ]
        rows = "some" if decision.where else "all"
        found.append(forms.Table(name=table.dataset, rows=rows, columns=columns))
    return found


def _add_queries(api: FastAPI, now: Now, known: Known, queries: Queries) -> None:
    def answer(lake: Served, question: forms.Question, caller: Caller, media_type: str) -> Answer:
        identity = _hex(question.id) if question.id else uuid.uuid4().hex

        def ask(began: Callable[[Callable[[], None]], None]) -> QueryResult:
            emergency = question.emergency and lake.emergencies.standing(caller.principal, question.emergency)
            return lake.gateway.query(
                caller.principal,
                question.sql,
                purpose=question.purpose or caller.purpose,
                at=question.at,
                emergency=emergency or None,
                request=identity,
                source=caller.address,
                began=began,
            )

        return Answer(ask, media_type, queries, identity, caller.principal)

    @api.post(
        "/v1/query",
        responses=_ROWS,
        response_class=Response,
        dependencies=[*_SCHEMES, Depends(_no_parameters)],
    )
    def query(
        question: forms.Question,
        request: Request,
        caller: Annotated[Caller, Depends(known)],
        lake: Annotated[Served, Depends(now)],
    ) -> Answer:
        """Answer a query, row by row as it is computed: as JSON, lines of JSON, CSV or Arrow."""
        return answer(lake, question, caller, _accepted(request, JSON))

    @api.get("/v1/query", responses=_ROWS, response_class=Response, dependencies=_SCHEMES)
    def query_by_url(
        question: Annotated[forms.Question, Query()],
        request: Request,
        caller: Annotated[Caller, Depends(known)],
        lake: Annotated[Served, Depends(now)],
    ) -> Answer:
        """The same for tools that only know URLs; CSV unless Accept asks for another format.

        URLs are kept in many places: a query that names a patient is sent with POST.
        """
        return answer(lake, question, caller, _accepted(request, CSV))

    @api.delete("/v1/queries/{id}", status_code=204, dependencies=_SCHEMES)
    def stop(id: forms.QueryId, caller: Annotated[Caller, Depends(known)]) -> None:  # noqa: A002 -- in the path
        """Stop a query of one's own."""
        if not queries.stop(_hex(id), caller.principal):
            raise HTTPException(404, "you have no such query that runs")


def _hex(identity: str) -> str:
    """An id as records have it."""
    return identity.replace("-", "")


def _no_parameters(request: Request) -> None:
    """Refuse what the URL says beside the route: a purpose there would be taken for given, and is not."""
    if request.query_params:
        raise UsageError(
            "usage", "The URL of this request takes no parameters", next_step="put them in the body"
        )


def _accepted(request: Request, default: str) -> str:
    """The format that the client likes best of those that there are."""
    best, weight = "", 0.0
    for each in (request.headers.get("accept") or "*/*").split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        quality = next((_number(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        if quality <= weight:
            continue
        fits = [each for each in (default, *FORMATS) if fnmatchcase(each, kind.lower())]
        if fits:
            best, weight = fits[0], quality
    if not best:
        raise HTTPException(406, f"Accept names none of {', '.join(FORMATS)}")
    return best


def _number(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
