"""`cdk`: the command line of the CDK that `package-lock.json` names, on the Node that `uv.lock` names."""

import os
import sys
from pathlib import Path

import infra  # noqa: F401 - says which Node is meant

FOLDER = Path(__file__).parent
TOOLKIT = FOLDER / "node_modules" / "aws-cdk" / "bin" / "cdk"


def main() -> None:
    """Become the command line; this process ends with its exit code."""
    if not TOOLKIT.is_file():
        sys.stderr.write(
            f"cdk: the command line of the CDK is not installed: there is no {TOOLKIT}.\n"
            "Run 'make setup-infra', or 'npm ci' in the folder infra.\n"
        )
        raise SystemExit(5)
    # `cdk.json` says `python`: this one, whether the environment is activated or not.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    node = os.environ["JSII_NODE"]
    os.execv(node, [node, str(TOOLKIT), *sys.argv[1:]])  # noqa: S606 - no shell is wanted
