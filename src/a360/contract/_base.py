"""What every model of a declared file has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Strict and frozen: unknown keys and values of another type are faults, not guesses."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, defer_build=True
    )


type Many[T] = Annotated[tuple[T, ...], Field(strict=False)]
"""A list in the file, a tuple in the model."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""The name of a dataset, column, role, …: lower snake case."""

Dataset = Annotated[str, Field(pattern=r"^(bronze|silver|gold|quarantine|ops)\.[a-z][a-z0-9_]{0,62}$")]
"""A dataset as `zone.name`."""

Period = Annotated[str, Field(pattern=r"^P(\d+Y(\d+M)?(\d+D)?|\d+M(\d+D)?|\d+W|\d+D)$")]
"""A calendar period after ISO 8601, such as `P7Y` or `P30D`."""
