"""Who asks a lake, and what for."""

import os
import pwd
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a360.trust.policy import Policy, Principal


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom a lake was opened for: `name` is whom the account acts as, none for itself.

    `emergency` is a rule of `breakGlass` under which it asks; with a `reason` it is declared first.
    """

    name: str | None = None
    purpose: str | None = None
    emergency: str | None = None
    reason: str | None = field(default=None, repr=False)

    def principal(self, policy: "Policy", lake: Path) -> "Principal":
        """The principal of this process's account, or the one that it acts as.

        Raises:
            DeniedError: it may not act as that one.
        """
        from a360.trust.identity import impersonated, principal_of_account  # noqa: PLC0415 -- few commands ask

        owner = account(lake.stat().st_uid)
        own = principal_of_account(policy.plan, account(os.geteuid()), owner)
        return own if self.name in {None, own.name} else impersonated(policy, own, str(self.name))

    def may_handle(self, lake: Path) -> bool:
        """Whether the lake is opened for whoever holds its folder, and not for somebody the policy binds."""
        return self.name is None and os.geteuid() in {0, lake.stat().st_uid}


def account(number: int) -> str:
    """The name of an account; its number where it has none. Variables of the environment are not asked."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
