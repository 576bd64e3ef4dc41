"""Opening a lake, and looking at one that may not open."""

from pathlib import Path
from typing import Any

from a360 import operate
from a360.lake._asker import Asker
from a360.lake._key_stores import KeyStores
from a360.lake._lake import Lake
from a360.lake._secrets import with_secrets
from a360.settings import Settings, load_settings


def open_lake(
    path: str | Path,
    *,
    env: str = "local",
    principal: str | None = None,
    purpose: str | None = None,
    emergency: str | None = None,
    reason: str | None = None,
    contracts: str | Path | None = None,
    **flags: Any,  # noqa: ANN401 -- settings check each of them
) -> Lake:
    """Open a lake's folder, or create the lake where there is none; who acts as a principal makes none.

    Args:
        path: The folder.
        env: The environment, a file in `environments/`.
        principal: Whom to act as; by default, the account of this process is looked up in the policy.
        purpose: What for; by default the principal's purpose, if it has one only.
        emergency: A rule of `breakGlass` under which to ask, by an emergency of it that is not over.
        reason: Why there is an emergency: one is declared at the first question.
        contracts: The contracts' folder; by default `./contracts`, else the copy in the package.
        **flags: Other settings, as `memory_limit`.

    Raises:
        OperatorError: `not-a-lake`.
    """
    settings = with_secrets(load_settings(lake=Path(path), env=env, contracts=contracts, **flags))
    folder = operate.LakeFolder.open(
        settings.lake, create=principal is None, make_keys=KeyStores(settings).create
    )
    return Lake(folder, settings, Asker(principal, purpose, emergency, reason))


def examine(settings: Settings) -> "list[operate.DoctorCheck]":
    """What the doctor finds in the machine and the lake that settings name, whatever of them is broken."""
    return operate.examine(
        settings, lambda: Lake(operate.LakeFolder.open(settings.lake), settings), KeyStores(settings).open
    )
