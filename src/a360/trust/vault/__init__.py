"""Who people are: sealed, under a key of their own, opened for who may know and for nobody else.

`Vault` keeps what identifies people as `a360 run` finds it, opens it, and forgets it. `Reveals` answers
people who ask: by the policy, within a limit, and on record.
"""

from a360.trust.vault._asked import Asked
from a360.trust.vault._keeping import Vault
from a360.trust.vault._reveals import Limits, Revealed, Reveals

__all__ = ["Asked", "Limits", "Revealed", "Reveals", "Vault"]
