"""What a synthesis wrote, read again: the resources of each stack, without the CDK and without an account."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from a360.errors import OperatorError

type Template = Mapping[str, Any]
type Resources = Mapping[str, Mapping[str, Any]]


def read_assembly(folder: Path) -> dict[str, Resources]:
    """The resources of each stack of a folder that `cdk synth -o` wrote, by the stack's name.

    Raises:
        OperatorError: the folder is not what `cdk synth` writes, or has no stack.
    """
    return {name: template.get("Resources", {}) for name, template in read_templates(folder).items()}


def read_templates(folder: Path) -> dict[str, Template]:
    """The template of each stack of such a folder, by the stack's name.

    Raises:
        OperatorError: the folder is not what `cdk synth` writes, or has no stack.
    """
    found = dict(_templates(folder))
    if not found:
        raise _unreadable(folder, "no stack in it")
    return found


def _templates(folder: Path) -> Iterator[tuple[str, Template]]:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        for name, artifact in manifest.get("artifacts", {}).items():
            told = artifact.get("properties", {})
            if artifact["type"] == "cdk:cloud-assembly":
                yield from _templates(folder / told["directoryName"])
            elif artifact["type"] == "aws:cloudformation:stack":
                template = json.loads((folder / told["templateFile"]).read_text("utf-8"))
                yield told.get("stackName", name), template
    except (OSError, ValueError, KeyError) as error:
        raise _unreadable(folder, f"{type(error).__name__}: {error}") from error


def _unreadable(folder: Path, found: str) -> OperatorError:
    return OperatorError(
        "input-missing",
        "A synthesis could not be read",
        where=str(folder),
        found=found,
        next_step="name a folder that 'cdk synth -o FOLDER' has written",
    )


def referenced(value: Any) -> Iterator[str]:  # noqa: ANN401 - templates are JSON
    """The logical ids and parameters that a value of a template names."""
    if isinstance(value, list):
        for each in value:
            yield from referenced(each)
    elif isinstance(value, Mapping):
        for key, told in value.items():
            if key == "Ref" and isinstance(told, str):
                yield told
            elif key == "Fn::GetAtt":
                yield told[0] if isinstance(told, list) else str(told).partition(".")[0]
            else:
                yield from referenced(told)
