"""Who may see what: decisions by the policy of `lake.yaml`, and emergencies in which the glass is broken.

Nobody may do what no grant says, and on doubt or fault the answer is no.
"""

from a360.contract import Cell, ColumnDecision, TableDecision
from a360.trust.policy._emergency import LONGEST, Emergency
from a360.trust.policy._examples import ExampleResult, run_example
from a360.trust.policy._policy import Policy
from a360.trust.policy._principal import NOBODY, Principal
from a360.trust.policy._record import policy_on_record, put_on_record
from a360.trust.policy._review import Access, notices, review

__all__ = [
    "LONGEST",
    "NOBODY",
    "Access",
    "Cell",
    "ColumnDecision",
    "Emergency",
    "ExampleResult",
    "Policy",
    "Principal",
    "TableDecision",
    "notices",
    "policy_on_record",
    "put_on_record",
    "review",
    "run_example",
]
