"""A lake whose catalog is Glue and whose files lie in S3, opened for an environment."""

from typing import Any

from a360.aws._clients import Aws, refusal
from a360.aws._glue import GlueUpstream
from a360.aws._signing import SigV4
from a360.catalog import CatalogSession, Policy, S3Credentials, S3Storage
from a360.catalog.upstream import HttpUpstream, Reply, Request, RestError, UpstreamLostError, decode_object
from a360.contract import DeployedNames, Environment
from a360.errors import OperatorError


def open_catalog(lake: str, environment: Environment, *, policy: Policy | None = None) -> CatalogSession:
    """Open the catalog of a lake in an environment whose `catalog` is Glue.

    Args:
        lake: The lake's name, as `lake.yaml` has it.
        environment: Where it was deployed.
        policy: How long outcomes of commits are sought.

    Raises:
        OperatorError: `aws-credentials`, `aws-missing` or `aws-failed`; `extra-missing`.
        DeniedError: `denied` where the credentials may not ask Glue.
    """
    aws, limits = Aws(environment), policy or Policy()
    names = names_of(lake, environment)
    credentials, where = aws.credentials, aws.iceberg
    auth = SigV4(credentials, "glue", names.region)
    http = HttpUpstream(where, seconds=limits.upstream, auth=auth, certificates=aws.certificates)
    upstream = GlueUpstream(http, names)
    try:
        _require_answer(upstream, where)
    except BaseException:
        upstream.close()
        raise
    return CatalogSession(
        upstream,
        names.account,
        policy=limits,
        storage=S3Storage(
            names.region,
            lambda: _frozen(credentials),
            endpoint=aws.endpoint("s3"),
            certificates=aws.certificates,
        ),
        location=names.location,
    )


def names_of(lake: str, environment: Environment) -> DeployedNames:
    """What the parts of a lake are called in an environment of AWS.

    Raises:
        ValueError: the environment is none of AWS.
    """
    if environment.account is None or environment.region is None:
        raise ValueError(f"the environment {environment.name} is none of AWS")
    return DeployedNames(lake, environment.name, environment.account, environment.region)


def _frozen(credentials: Any) -> S3Credentials:  # noqa: ANN401 - boto3 makes them at run time
    found = credentials.get_frozen_credentials()
    return S3Credentials(found.access_key, found.secret_key, found.token)


def _require_answer(upstream: GlueUpstream, where: str) -> None:
    """Ask once: whoever may not ask at all is told so here, in words that say what to do."""
    what = "open the catalog of the lake"
    try:
        reply = upstream.send(Request("GET", "/v1/config"))
    except UpstreamLostError as lost:
        raise OperatorError(
            "aws-failed",
            f"AWS did not {what}",
            where=where,
            found=f"no answer ({lost})",
            next_step="look at the network, and at `endpoints` of the environment",
        ) from None
    if not reply.ok:
        raise refusal(*_said(reply), what, where)


def _said(reply: Reply) -> tuple[str, str]:
    try:
        error = decode_object(reply.body)["error"]
        return str(error["type"]), str(error["message"])
    except (RestError, KeyError, TypeError):
        return str(reply.status), "no error that is known"
