"""The part of `lake.yaml` that says who may see what."""

from typing import Annotated

from pydantic import Field, model_validator

from a360.contract._base import Dataset, Many, Model, Name
from a360.contract._plan import Zone
from a360.contract._policy import Action, MaskMethod

type Doc = Annotated[str, Field(min_length=1)]
type User = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]
type Claim = Annotated[str, Field(min_length=1, max_length=255)]
type ColumnName = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z0-9_]+\.[a-z0-9_]+$")]


type Size = Annotated[str, Field(pattern=r"^[1-9]\d*(\.\d+)?\s?(K|M|G|T)i?B$")]


class Budget(Model):
    """What one query of a role may cost, and how many run at once."""

    seconds: Annotated[float, Field(gt=0, strict=False)] | None = None
    memory: Size | None = None
    rows: Annotated[int, Field(ge=1)] | None = None
    bytes: Size | None = None
    scanned: Size | None = None
    concurrent: Annotated[int, Field(ge=1)] | None = None


class Role(Model):
    """A role."""

    description: Doc
    purposes: Many[Name] = ()
    budget: Budget = Field(default=Budget())
    reveals: Annotated[int, Field(ge=0)] | None = None


class Group(Model):
    """A group of users; its members have its roles.

    `claims` are what an identity provider calls it: who logs in with one of them is a member meanwhile.
    """

    description: Doc
    roles: Many[Name] = ()
    claims: Many[Claim] = ()


class UserEntry(Model):
    """A person or a program, and by what it is known: an account of this machine, an identity provider's."""

    description: str = ""
    os: Annotated[str, Field(min_length=1)] | None = None
    subject: Claim | None = None
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    roles: Many[Name] = ()
    groups: Many[Name] = ()
    attributes: dict[Name, str] = Field(default_factory=dict)


class Selector(Model):
    """Columns: those named, and those of zones, datasets, tags and sensitivities.

    Tags are an LF-Tag expression over what a column bears itself or inherits: one of the values for each key.
    """

    zones: Many[Zone] = ()
    datasets: Many[Dataset] = ()
    tags: Many[str] = ()
    sensitivities: Many[Name] = ()
    columns: Many[ColumnName] = ()

    @property
    def names_places(self) -> bool:
        """Whether it says where, and not only how sensitive."""
        return bool(self.zones or self.datasets or self.tags)


class Subjects(Model):
    """Those a rule speaks of."""

    roles: Many[Name] = ()
    groups: Many[Name] = ()
    users: Many[User] = ()

    @property
    def everybody(self) -> bool:
        """Whether nobody is named."""
        return not (self.roles or self.groups or self.users)


class _Named(Subjects):
    @model_validator(mode="after")
    def _speaks_of_somebody(self) -> "_Named":
        if self.everybody:
            raise ValueError("a rule names roles, groups or users")
        return self


class Grant(Selector):
    """What a role, group or user may do with which columns of which datasets."""

    name: Name | None = None
    role: Name | None = None
    group: Name | None = None
    user: User | None = None
    actions: Annotated[Many[Action], Field(min_length=1)]
    purposes: Many[Name] = ()

    @model_validator(mode="after")
    def _reaches_something(self) -> "Grant":
        if sum(1 for each in (self.role, self.group, self.user) if each) != 1:
            raise ValueError("a grant names one role, group or user")
        if not self.role and not self.purposes:
            raise ValueError("a grant to a group or a user names purposes")
        if not (self.names_places or self.columns):
            raise ValueError("a grant names zones, datasets, tags or columns")
        if self.names_places and not self.sensitivities:
            raise ValueError("a grant on zones, datasets or tags names sensitivities")
        return self


class Deny(Subjects, Selector):
    """What the roles, groups and users may not do, whatever grants say; nobody named means everybody."""

    name: Name
    actions: Many[Action] = ()
    purposes: Many[Name] = ()

    @model_validator(mode="after")
    def _reaches_something(self) -> "Deny":
        if not (self.names_places or self.sensitivities or self.columns):
            raise ValueError("a deny rule names zones, datasets, tags, sensitivities or columns")
        return self


class Filter(_Named):
    """Which rows of datasets the roles, groups and users see."""

    name: Name
    datasets: Annotated[Many[Dataset], Field(min_length=1)]
    where: Doc


class Mask(_Named, Selector):
    """How the roles, groups and users see columns: named ones, or those of the sensitivities."""

    name: Name
    method: MaskMethod

    @model_validator(mode="after")
    def _reaches_something(self) -> "Mask":
        if not (self.names_places or self.sensitivities or self.columns):
            raise ValueError("a mask names columns, sensitivities, zones, datasets or tags")
        return self


class Consent(Model):
    """What bears one of the tags shows nothing without a recorded consent that covers the purpose."""

    name: Name
    tags: Annotated[Many[str], Field(min_length=1)]
    dataset: Dataset
    key: Name
    permits: Doc
    refuses: str = ""
    purposes: dict[Name, Doc] = Field(default_factory=dict)
    exempt: Many[Name] = ()


class BreakGlass(_Named, Selector):
    """What the roles, groups and users may select in an emergency, unfiltered and unmasked, for a while."""

    name: Name
    purposes: Annotated[Many[Name], Field(min_length=1)]
    minutes: Annotated[int, Field(ge=1, le=60)] = 60
    without_consent: bool = False

    @model_validator(mode="after")
    def _reaches_something(self) -> "BreakGlass":
        if not (self.names_places or self.columns):
            raise ValueError("break-glass names zones, datasets, tags or columns")
        return self


class Impersonation(_Named):
    """Who may act as others with `--as`: as these users, or as whoever has no roles but these."""

    name: Name
    as_users: Many[User] = ()
    as_roles: Many[Name] = ()

    @model_validator(mode="after")
    def _names_somebody(self) -> "Impersonation":
        if not (self.as_users or self.as_roles):
            raise ValueError("impersonation names asUsers or asRoles")
        return self
