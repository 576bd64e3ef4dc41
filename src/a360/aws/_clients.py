"""The clients of AWS that an environment asks for, and AWS's refusals as errors of ours."""

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from a360.contract import Environment
from a360.errors import A360Error, DeniedError, OperatorError

_TOLD = 300

_CREDENTIALS = frozenset({
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignatureException",
    "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException",
    "MissingAuthenticationTokenException", "NotAuthorizedException", "RequestExpired",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "403", "Forbidden", "UnauthorizedOperation"})
_MISSING = frozenset({
    "404", "EntityNotFoundException", "NoSuchBucket", "NoSuchKey", "NotFound", "ResourceNotFoundException",
})  # fmt: skip
_UNSIGNED = (
    "CredentialRetrievalError",
    "InvalidConfigError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
)


class Aws:
    """AWS as one environment sees it: its region, its endpoints, and its account alone."""

    def __init__(self, environment: Environment, *, tries: int = 5) -> None:
        if importlib.util.find_spec("boto3") is None:
            raise OperatorError(
                "extra-missing",
                "The client of AWS is not installed",
                where="the extra `aws` of a360-data-lake",
                found="no package boto3",
                next_step="pip install 'a360-data-lake[aws]'; in a checkout, `make setup-dev`",
            )
        self.environment = environment
        self._tries = tries

    @cached_property
    def athena(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Athena."""
        return self._client("athena")

    @cached_property
    def cloudwatch(self) -> Any:  # noqa: ANN401 - likewise
        """CloudWatch."""
        return self._client("cloudwatch")

    @cached_property
    def emr(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """EMR Serverless."""
        return self._client("emr-serverless")

    @cached_property
    def kms(self) -> Any:  # noqa: ANN401 - likewise
        """The key management service."""
        return self._client("kms")

    @cached_property
    def lake_formation(self) -> Any:  # noqa: ANN401 - likewise
        """Lake Formation."""
        return self._client("lakeformation")

    @cached_property
    def s3(self) -> Any:  # noqa: ANN401 - likewise
        """S3."""
        return self._client("s3")

    @cached_property
    def secrets(self) -> Any:  # noqa: ANN401 - likewise
        """Secrets Manager."""
        return self._client("secretsmanager")

    @cached_property
    def credentials(self) -> Any:  # noqa: ANN401 - likewise
        """The credentials of this process, which are renewed before they end.

        Raises:
            OperatorError: `aws-credentials`.
        """
        with told("find credentials", self.environment.name):
            found = self._session.get_credentials()
            if found is None:
                raise importlib.import_module("botocore.exceptions").NoCredentialsError
            found.get_frozen_credentials()
        return found

    @property
    def iceberg(self) -> str:
        """Where Glue serves its catalog as Iceberg's specification has it."""
        return f"{self._client('glue').meta.endpoint_url}/iceberg"

    @property
    def certificates(self) -> str | None:
        """A file with the certificates to trust; None for those of the machine."""
        session = importlib.import_module("botocore.session").get_session()
        found: str | None = session.get_config_variable("ca_bundle")
        return found

    def endpoint(self, service: str) -> str | None:
        """Where a service is, if not at its public address."""
        return {str(name): url for name, url in self.environment.endpoints.items()}.get(service)

    def role(self) -> str:
        """The name of the IAM role whose credentials these are; empty where they are of no role."""
        with told("ask AWS whose credentials these are", self.environment.name):
            arn = str(self._client("sts").get_caller_identity()["Arn"])
        kind, _, rest = arn.rpartition(":")[2].partition("/")
        return rest.partition("/")[0] if kind == "assumed-role" else ""

    def require_account(self) -> None:
        """Raise where the credentials are of another account than the environment's.

        Raises:
            OperatorError: `aws-credentials`.
        """
        with told("ask AWS whose credentials these are", self.environment.name):
            account = str(self._client("sts").get_caller_identity()["Account"])
        if account != self.environment.account:
            raise OperatorError(
                "aws-credentials",
                "The credentials are of another account than the environment",
                where=f"environments/{self.environment.name}.yaml",
                found=f"account {account}, not {self.environment.account}",
                next_step="name the profile of that account in AWS_PROFILE",
            )

    def _client(self, service: str) -> Any:  # noqa: ANN401 - likewise
        config = importlib.import_module("botocore.config").Config(
            region_name=self.environment.region,
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": self._tries},
            # an endpoint of one's own has no names of buckets in its DNS
            s3={"addressing_style": "path"} if "s3" in self.environment.endpoints else None,
        )
        with told("open a client of AWS", service):
            return self._session.client(service, config=config, endpoint_url=self.endpoint(service))

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - likewise
        return importlib.import_module("boto3").Session()


@contextmanager
def told(what: str, where: str) -> Iterator[None]:
    """Tell AWS's refusals as errors that say what was tried, and what to do next.

    Raises:
        OperatorError: `aws-credentials`, `aws-missing` or `aws-failed`.
        DeniedError: `denied`.
    """
    exceptions = importlib.import_module("botocore.exceptions")
    transfer = importlib.import_module("boto3.exceptions")
    try:
        yield
    except (exceptions.BotoCoreError, exceptions.ClientError, transfer.Boto3Error) as error:
        # an upload tells of its cause in words alone
        cause = error.__context__ if isinstance(error, transfer.S3UploadFailedError) else None
        raise _translated(cause or error, what, where) from None


def _translated(error: BaseException, what: str, where: str) -> A360Error:
    kind = type(error).__name__
    answer = getattr(error, "response", {}).get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))[:_TOLD]
    return refusal(code or kind, message or str(error)[:_TOLD], what, where)


def refusal(code: str, message: str, what: str, where: str) -> A360Error:
    """What AWS said, or why it was not asked, as an error of ours."""
    found = f"{code}: {message[:_TOLD]}"
    if code in _UNSIGNED or code in _CREDENTIALS:
        return OperatorError(
            "aws-credentials",
            f"AWS does not take the credentials, to {what}",
            where=where,
            found=found,
            next_step="sign in (aws sso login), name a profile in AWS_PROFILE, or run where a role is given",
        )
    if code in _DENIED:
        return DeniedError(
            "denied",
            f"AWS does not let these credentials {what}",
            where=where,
            found=found,
            next_step="have the account's owner allow it; docs/spark.md and docs/keys.md list what is needed",
        )
    if code in _MISSING:
        return OperatorError(
            "aws-missing",
            f"AWS does not have what is needed to {what}",
            where=where,
            found=found,
            next_step="see that environments/*.yaml names what is there, in the right region",
        )
    return OperatorError(
        "aws-failed",
        f"AWS did not {what}",
        where=where,
        found=found,
        next_step="try again; if it stays, look at the state of the application and at the network",
    )
