"""The one typed model of all settings."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from a360.errors import OperatorError

PREFIX = "A360_"

# Variables that are no settings: the hook of fault tests, and the secret of one command.
_ELSEWHERE = frozenset({f"{PREFIX}FAILPOINTS", f"{PREFIX}CATALOG_TOKEN", f"{PREFIX}CATALOG_SECRET"})

_SIZE = re.compile(r"[1-9]\d*(\.\d+)?\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)")


def _usable_cores() -> int:
    """The cores this process may use: fewer than the machine has, in a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(BaseSettings):
    """Every setting, with its meaning; a field `x` is set by the variable `A360_X`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    lake: Annotated[Path, Field(description="The folder of the lake.")] = Path("lake")
    env: Annotated[
        str,
        Field(
            description="The environment to work in: a file in `environments/`.", pattern=r"^[a-z][a-z0-9-]*$"
        ),
    ] = "local"
    contracts: Annotated[
        Path | None,
        Field(description="The folder of the contracts; unset: `./contracts`, else the copy in the package."),
    ] = None
    memory_limit: Annotated[
        str, Field(description="What the query engine may hold in memory, as `1GB` or `512MiB`.")
    ] = "1GB"
    threads: Annotated[
        int, Field(description="Threads of the query engine; unset: the cores of the machine.", ge=1, le=1024)
    ] = Field(default_factory=_usable_cores)
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least severe event that is logged."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        Field(description="How events look on standard error; `logs/` is always JSON."),
    ] = "text"
    require: Annotated[
        frozenset[str],
        NoDecode,
        Field(description="Tests only: what must be present (`data,spark,aws`), so that its absence fails."),
    ] = frozenset()

    @field_validator("require", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(filter(None, (part.strip() for part in value.split(","))))
        return value

    @field_validator("memory_limit")
    @classmethod
    def _size(cls, value: str) -> str:
        if not _SIZE.fullmatch(value):
            raise ValueError("a size is a number and a unit, as 1GB or 512MiB")
        return value


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401 - pydantic checks each flag against its field
    """The settings from `flags` (those that are not None), the environment and the defaults.

    Raises:
        OperatorError: setting-invalid, naming every variable or flag whose value is not allowed.

    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as fault:
        faults = fault.errors(include_url=False)
        names = [_spoken(str(each["loc"][0]) if each["loc"] else "settings", given) for each in faults]
        raise OperatorError(
            "setting-invalid",
            "A setting has a value that is not allowed",
            where=", ".join(names),
            found="; ".join(f"{each['input']!r}: {each['msg']}" for each in faults),
            next_step="correct or unset it; docs/cli.md lists every setting and what it may hold",
        ) from None


def _spoken(field: str, flags: Mapping[str, object]) -> str:
    return f"--{field.replace('_', '-')}" if field in flags else f"{PREFIX}{field.upper()}"


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Variables that look like settings and are none: a misspelt one would otherwise do nothing, silently."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | _ELSEWHERE
    names = os.environ if environ is None else environ
    return sorted(name for name in names if name.startswith(PREFIX) and name not in known)
