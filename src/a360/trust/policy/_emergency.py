"""Breaking the glass: for a while, with a reason, on record, and to be reviewed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from a360.trust.policy._principal import Principal

LONGEST = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency that is on record: `rule` is what of `breakGlass` it stands on, `id` the record's."""

    principal: str
    rule: str
    purpose: str
    begins: datetime
    ends: datetime
    id: str

    def holds_for(self, principal: Principal, at: datetime) -> bool:
        """Whether it is this principal's, who acts for nobody else, and not over."""
        short = timedelta(0) < self.ends - self.begins <= LONGEST
        own = self.principal == principal.name and principal.acting_for is None
        return bool(self.id) and own and short and self.begins <= at < self.ends
