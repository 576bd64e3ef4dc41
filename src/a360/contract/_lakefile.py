"""`lake.yaml`: what belongs to the lake as a whole, and to no dataset alone."""

from typing import Annotated

from pydantic import Field, model_validator

from a360.contract._base import Many, Model, Name, Period
from a360.contract._plan import Zone
from a360.contract._policy_file import (
    BreakGlass,
    Consent,
    Deny,
    Doc,
    Filter,
    Grant,
    Group,
    Impersonation,
    Mask,
    Role,
    User,
    UserEntry,
)

SENSITIVITY = "sensitivity"


class ZoneDeclaration(Model):
    """A zone; its tables inherit its tags."""

    description: Doc
    tags: Many[str] = ()


class Zones(Model):
    """The five zones; each is a namespace of the catalog."""

    bronze: ZoneDeclaration
    silver: ZoneDeclaration
    gold: ZoneDeclaration
    quarantine: ZoneDeclaration
    ops: ZoneDeclaration


class Vocabulary(Model):
    """The values a tag may have, each with its meaning."""

    description: Doc
    values: Annotated[dict[Name, Doc], Field(min_length=1)]


class Retention(Model):
    """How long a zone keeps rows and snapshots; nothing said means for ever."""

    rows: Period | None = None
    snapshots: Period | None = None
    keep_snapshots: Annotated[int, Field(ge=1)] = 1


type Uri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:\S+$")]


class Hl7v2(Model):
    """How messages of HL7 v2 are read: what senders leave unsaid of systems and of time."""

    authority: Uri | None = None
    zone: Annotated[str, Field(pattern=r"^[+-](0\d|1[0-4]):[0-5]\d$")] | None = None
    systems: dict[str, Uri] = Field(default_factory=dict)


class LakeFile(Model):
    """The file."""

    name: Name
    description: Doc
    zones: Zones
    tags: dict[Name, Vocabulary]
    purposes: dict[Name, Doc] = Field(default_factory=dict)
    roles: dict[Name, Role] = Field(default_factory=dict)
    groups: dict[Name, Group] = Field(default_factory=dict)
    users: dict[User, UserEntry] = Field(default_factory=dict)
    grants: Many[Grant] = ()
    denies: Many[Deny] = ()
    filters: Many[Filter] = ()
    masks: Many[Mask] = ()
    consents: Many[Consent] = ()
    break_glass: Many[BreakGlass] = ()
    impersonations: Many[Impersonation] = ()
    retention: dict[Zone, Retention] = Field(default_factory=dict)
    packs: Many[Name] = ()
    hl7v2: Hl7v2 = Field(default=Hl7v2(), alias="hl7v2")

    @model_validator(mode="after")
    def _has_sensitivities(self) -> "LakeFile":
        if SENSITIVITY not in self.tags:
            raise ValueError("the vocabulary `sensitivity` is missing from tags")
        return self

    @property
    def sensitivities(self) -> tuple[str, ...]:
        """The sensitivities, lowest first."""
        return tuple(self.tags[SENSITIVITY].values)
