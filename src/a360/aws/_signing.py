"""Requests signed as AWS has them signed (Signature Version 4)."""

import importlib
from collections.abc import Generator
from typing import Any

import httpx

# What proxies and the HTTP client itself may still change or add is not signed.
_SIGNED = ("content-type", "host")


class UnsignedError(Exception):
    """There are no credentials to sign with, so that nothing was sent."""


class SigV4(httpx.Auth):
    """Signs each request by the credentials that are good when it is sent."""

    requires_request_body = True

    def __init__(self, credentials: Any, service: str, region: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._credentials = credentials
        self._service = service
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the headers that prove who sends it."""
        signer = importlib.import_module("botocore.auth").SigV4Auth
        aws_request = importlib.import_module("botocore.awsrequest").AWSRequest
        kept = {name: request.headers[name] for name in _SIGNED if name in request.headers}
        draft = aws_request(method=request.method, url=str(request.url), data=request.content, headers=kept)
        try:
            signer(self._credentials.get_frozen_credentials(), self._service, self._region).add_auth(draft)
        except importlib.import_module("botocore.exceptions").BotoCoreError as error:
            raise UnsignedError(type(error).__name__) from error
        request.headers.update({name: str(value) for name, value in draft.headers.items()})
        yield request
