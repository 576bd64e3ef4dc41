"""Secrets that settings do not hold themselves, but name: `secretsmanager:NAME`."""

from pydantic import SecretStr

from a360.contract import default_contracts, load_environment
from a360.errors import OperatorError
from a360.settings import Settings

PREFIX = "secretsmanager:"
_FIELDS = ("catalog_token", "openlineage_api_key")


def with_secrets(settings: Settings) -> Settings:
    """The settings, with what they name of Secrets Manager in the names' places.

    Raises:
        OperatorError: `not-on-aws`; `aws-missing` and others of AWS.
        DeniedError: these credentials may not read it.
    """
    found = {}
    for field in _FIELDS:
        given: SecretStr | None = getattr(settings, field)
        if given is not None and given.get_secret_value().startswith(PREFIX):
            found[field] = SecretStr(secret_named(settings, given.get_secret_value(), field))
    return settings.model_copy(update=found) if found else settings


def secret_named(settings: Settings, named: str, field: str) -> str:
    """The secret that stands behind `secretsmanager:NAME`, in the environment of these settings."""
    environment = load_environment(settings.contracts or default_contracts(), settings.env)
    if environment.kind != "aws":
        raise OperatorError(
            "not-on-aws",
            "A setting names a secret of Secrets Manager, and this environment is none of AWS",
            where=f"A360_{field.upper()}, environment {environment.name}",
            next_step="name an environment on AWS, as --env staging, or set the secret itself",
        )
    from a360.aws import Aws, secret_text  # noqa: PLC0415 -- an extra

    return secret_text(Aws(environment), named.removeprefix(PREFIX))
