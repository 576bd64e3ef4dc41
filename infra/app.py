"""The app of the CDK: the environment that the context names, as a stage.

    cd infra && uv run cdk synth [-c environment=prod]

One environment a run, so that `cdk deploy --all` never means two of them.
"""

import aws_cdk as cdk

from infra.contracts_adapter import read_deployment
from infra.stacks.component import LakeStage


def build(app: cdk.App) -> LakeStage:
    """The stage of the environment that the context names."""
    environment = app.node.try_get_context("environment")
    return LakeStage(app, read_deployment(str(environment)))


def main() -> None:
    """Synthesise."""
    app = cdk.App()
    build(app)
    app.synth()


if __name__ == "__main__":
    main()
