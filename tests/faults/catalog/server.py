"""A catalog server in a process of its own, which a test may kill.

Run by `ServerProcess`, which hands in LAKE, PORT, PROFILE, FAILPOINTS, and OUT to say there that it is ready.
"""

import os
import sys

from a360.catalog import run_catalog_server

if __name__ == "__main__":
    os.environ["A360_FAILPOINTS"] = FAILPOINTS  # noqa: F821 - handed in
    os.dup2(OUT.fileno(), sys.stdout.fileno())  # noqa: F821 - likewise
    run_catalog_server(LAKE, PORT, "token", PROFILE)  # noqa: F821 - likewise
