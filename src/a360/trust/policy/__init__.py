"""Who may see what: decisions by the policy of `lake.yaml`, and emergencies in which the glass is broken.

Nobody may do what no grant says, and on doubt or fault the answer is no.
"""

from a360.contract import Cell, ColumnDecision, TableDecision
from a360.trust.policy._emergency import LONGEST, Emergency
from a360.trust.policy._policy import Policy
from a360.trust.policy._principal import NOBODY, Principal

__all__ = [
    "LONGEST",
    "NOBODY",
    "Cell",
    "ColumnDecision",
    "Emergency",
    "Policy",
    "Principal",
    "TableDecision",
]
