"""One synthesis for all tests: what they look at is the templates of staging."""

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from infra.contracts_adapter import read_deployment
from infra.stacks.component import LakeStage

FOLDER = Path(__file__).parents[1]


def new_app(**properties):
    """An app with the flags of cdk.json, as the command line would give them."""
    told = json.loads((FOLDER / "cdk.json").read_text("utf-8"))
    context = told["context"] | {"aws:cdk:enable-path-metadata": told["pathMetadata"]}
    return cdk.App(context=context, **properties)


@pytest.fixture(scope="session")
def deployment():
    return read_deployment("staging")


@pytest.fixture(scope="session")
def stage(deployment):
    return LakeStage(new_app(), deployment)


@pytest.fixture(scope="session")
def stacks(stage):
    """The stacks by their part, such as `storage`."""
    return {stack.node.id: stack for stack in stage.node.children if cdk.Stack.is_stack(stack)}


@pytest.fixture(scope="session")
def template(stacks):
    """The template of a stack, each made once."""
    made = {}

    def of(part):
        if part not in made:
            made[part] = assertions.Template.from_stack(stacks[part])
        return made[part]

    return of
