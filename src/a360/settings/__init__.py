"""What an operator may set, and where the program writes what happened.

Settings come from flags, then from `A360_…` variables, then from the defaults; `docs/cli.md` lists them.
"""

from a360.settings._logging import configure_logging, describe_failure
from a360.settings._settings import PREFIX, Settings, load_settings, unknown_variables

__all__ = [
    "PREFIX",
    "Settings",
    "configure_logging",
    "describe_failure",
    "load_settings",
    "unknown_variables",
]
