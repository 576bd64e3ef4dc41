"""What requests and answers hold, as the OpenAPI document tells it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Sql = Annotated[
    str, Field(min_length=1, max_length=100_000, description="One SELECT over tables of the lake.")
]
Purpose = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63, description="The purpose of use of the answer.")
]
At = Annotated[
    str, Field(min_length=1, max_length=64, description="A snapshot's id, a time or a tag to read as of.")
]
QueryId = Annotated[
    str,
    Field(
        pattern=r"^([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
        description="An id of the query, by which it can be stopped: a UUID.",
    ),
]
Rule = Annotated[
    str,
    Field(
        pattern=r"^[a-z][a-z0-9_]*$",
        max_length=63,
        description="A rule of breakGlass under which to ask, by an emergency of it that is not over.",
    ),
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Question(_Form):
    """A query."""

    sql: Sql
    purpose: Purpose | None = None
    at: At | None = None
    id: QueryId | None = None
    emergency: Rule | None = None


class Look(_Form):
    """What tables are looked at for."""

    purpose: Purpose | None = None


class Declaration(_Form):
    """An emergency that is declared."""

    rule: Rule
    reason: Annotated[str, Field(min_length=1, max_length=1000, description="What happened, in a sentence.")]
    purpose: Purpose
    minutes: Annotated[int, Field(ge=1, le=60, description="For how long; by default, as the rule says.")] | (
        None
    ) = None


class Declared(BaseModel):
    """An emergency that is on record."""

    id: str
    rule: str
    ends: str


class Whoami(BaseModel):
    """Who asks, as the policy knows it."""

    principal: str
    roles: list[str]
    groups: list[str]
    purposes: list[str]
    seconds_left: Annotated[
        int | None, Field(description="Until the session ends if it is not used; null without a session.")
    ] = None


class Begun(Whoami):
    """A session that began; its id is sent as a bearer token, and told this once."""

    session: str


class Column(BaseModel):
    """A column that may be seen."""

    name: str
    type: str
    mask: Annotated[str | None, Field(description="How its values are changed; null where they are not.")]


class Table(BaseModel):
    """A table of which something may be seen."""

    name: str
    rows: Annotated[str, Field(description="Whether all rows are seen, or some.")]
    columns: list[Column]


class Problem(BaseModel):
    """An error, as RFC 9457 has it; docs/errors.md explains each type."""

    type: str
    title: str
    status: int
    detail: str
