"""What an operator may set, and where the program writes what happened.

Settings come from flags, then from `A360_…` variables, then from `a360.toml`, then from the defaults;
`docs/settings.md` lists them.
"""

from a360.settings._logging import configure_logging, describe_failure
from a360.settings._settings import Effective, Settings, effective_settings, load_settings
from a360.settings._sources import FILE, FILE_VARIABLE, PREFIX, unknown_variables

__all__ = [
    "FILE",
    "FILE_VARIABLE",
    "PREFIX",
    "Effective",
    "Settings",
    "configure_logging",
    "describe_failure",
    "effective_settings",
    "load_settings",
    "unknown_variables",
]
