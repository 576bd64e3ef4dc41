"""Secrets that Secrets Manager keeps."""

from a360.aws._clients import Aws, told
from a360.errors import OperatorError


def secret_text(aws: Aws, name: str) -> str:
    """The text of a secret, by its name or ARN; it is in no error and no log.

    Raises:
        OperatorError: `aws-missing` where there is no such secret, or no text in it; `aws-credentials`,
            `aws-failed`.
        DeniedError: `denied`.
    """
    with told("read a secret", f"secret {name}"):
        answer = aws.secrets.get_secret_value(SecretId=name)
    text = answer.get("SecretString")
    if not text:
        raise OperatorError(
            "aws-missing",
            "A secret of Secrets Manager holds no text",
            where=f"secret {name}",
            next_step="put the value into it as text, and nothing else beside it",
        )
    return str(text)
