"""Spark's errors in our words, without the values they quote."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import AnalysisException, ParseException, PySparkException

from a360.errors import (
    A360Error,
    ConflictError,
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
    UsageError,
)
from a360.jvm import speak_anew

# What these parameters of an error tell are names of the statement; all others may quote values of a row.
_NAMES = ("objectName", "relationName", "routineName", "fieldName", "sqlExpr")
_OF_THE_MACHINE = re.compile(
    r"OutOfMemory|NoSpaceLeft|No space left|ExecutorLost|BlockNotFound|CHECKPOINT_RDD"
)
_CARRIED = re.compile(r"a360-error:([A-Za-z0-9+/=]+)")
_CAUSES = 20
_OURS: tuple[type[A360Error], ...] = (
    *(InternalError, UsageError, ContractError, DataError, OperatorError, DeniedError, ConflictError),
    A360Error,
)


@contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """Turn Spark's errors into ours; an error of ours that a worker met comes out as itself."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise translate(error, what) from None
    except (KeyboardInterrupt, SystemExit):
        # A signal came while Java was asked; what is asked on the way out is to get its own answers.
        speak_anew()
        raise


def carried(error: A360Error) -> str:
    """An error of ours as text, which is all that comes from a worker."""
    kind = next(each.__name__ for each in type(error).__mro__ if each in _OURS)
    told = json.dumps({"kind": kind, **error.to_json()})
    return f"a360-error:{base64.b64encode(told.encode()).decode()}"


def _ours(text: str) -> A360Error | None:
    """The error of ours that a text carries."""
    found = _CARRIED.search(text)
    if found is None:
        return None
    told = json.loads(base64.b64decode(found[1]))
    [kind] = [each for each in _OURS if each.__name__ == told["kind"]]
    return kind(told["code"], told["what"], where=told["where"], found=told["found"], next_step=told["next"])


def translate(error: Exception, what: str) -> A360Error:
    """One of Spark's errors as one of ours."""
    text = str(error)
    ours = _ours(text)
    if ours is not None:
        return ours
    if isinstance(error, AnalysisException | ParseException):
        return UsageError("engine-failed", f"Spark could not {what}", found=_of_the_statement(error))
    kind = _kind(error)
    if _OF_THE_MACHINE.search(text):
        return OperatorError(
            "engine-failed",
            f"Spark could not {what}",
            found=kind,
            next_step="check disk space, the memory that Spark may use, and that its executors live",
        )
    return InternalError(
        "engine-failed",
        f"Spark could not {what}",
        found=f"{kind} (its text is withheld: it may quote values of a row)",
    )


def _of_the_statement(error: PySparkException) -> str:
    told = dict(error.getMessageParameters() or {})
    names = ", ".join(str(told[name]) for name in _NAMES if told.get(name))
    return " ".join(filter(None, (error.getCondition() or type(error).__name__, names)))[:300]


def _kind(error: Exception) -> str:
    """What kind of error it is, in Spark's words for it where there are some."""
    if isinstance(error, PySparkException):
        return error.getCondition() or type(error).__name__
    if isinstance(error, Py4JJavaError):
        return _java_kind(error.java_exception)
    return type(error).__name__


def _java_kind(thrown: Any) -> str:  # noqa: ANN401 - of Java
    """The condition of the first of Spark's own errors among the causes, or else the last cause's class."""
    kind = ""
    for _ in range(_CAUSES):
        if thrown is None:
            break
        kind = str(thrown.getClass().getName())
        condition = thrown.getCondition() if kind.startswith("org.apache.spark.Spark") else None
        if condition is not None:
            return str(condition)
        thrown = thrown.getCause()
    return kind
