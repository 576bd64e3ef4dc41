"""Opening a lake, and looking at one that may not open."""

from pathlib import Path
from typing import Any

from a360 import operate
from a360.errors import UsageError
from a360.lake._lake import Lake
from a360.settings import Settings, load_settings


def open_lake(
    path: str | Path,
    *,
    env: str = "local",
    principal: str | None = None,
    purpose: str | None = None,
    contracts: str | Path | None = None,
    **flags: Any,  # noqa: ANN401 -- settings check each of them
) -> Lake:
    """Open a lake's folder, or create the lake where there is none.

    Args:
        path: The folder.
        env: The environment, a file in `environments/`.
        principal: Who asks. This version decides no policy: naming a principal is refused, not ignored.
        purpose: What for; likewise.
        contracts: The contracts' folder; by default `./contracts`, else the copy in the package.
        **flags: Other settings, as `memory_limit`.

    Raises:
        OperatorError: `not-a-lake`.
        UsageError: `usage` where a principal or a purpose is named.
    """
    if principal is not None or purpose is not None:
        raise UsageError(
            "usage",
            "This version decides no policy, so it cannot act for a principal or a purpose",
            next_step="open the lake without them: whoever can read its folder and keys can read its data",
        )
    settings = load_settings(lake=Path(path), env=env, contracts=contracts, **flags)
    return Lake(operate.LakeFolder.open(settings.lake), settings)


def examine(settings: Settings) -> "list[operate.DoctorCheck]":
    """What the doctor finds in the machine and the lake that settings name, whatever of them is broken."""
    return operate.examine(settings, lambda: Lake(operate.LakeFolder.open(settings.lake), settings))
