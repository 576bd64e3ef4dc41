"""The app of the CDK: the environment that the context names, as a stage.

    cd infra && uv run cdk synth [-c environment=prod]

One environment a run, so that `cdk deploy --all` never means two of them.
"""

import aws_cdk as cdk

from infra.contracts_adapter import read_deployment
from infra.policy import packs
from infra.stacks.component import LakeStage


def build(app: cdk.App) -> LakeStage:
    """The stage of the environment that the context names."""
    deployment = read_deployment(str(app.node.try_get_context("environment")))
    stage = LakeStage(app, deployment)
    packs.attach(app)
    packs.acknowledge(stage, deployment)
    return stage


def main() -> None:
    """Synthesise."""
    app = cdk.App()
    build(app)
    app.synth()


if __name__ == "__main__":
    main()
