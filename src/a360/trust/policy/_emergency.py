"""Breaking the glass: for a while, with a reason, on record, and to be reviewed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency that is on record: `rule` is what of `breakGlass` it stands on, `id` the record's."""

    principal: str
    rule: str
    reason: str
    begins: datetime
    ends: datetime
    id: str

    def holds_for(self, principal: str, at: datetime) -> bool:
        """Whether it is this principal's, and not over."""
        short = timedelta(0) < self.ends - self.begins <= LONGEST
        return bool(self.id) and self.principal == principal and short and self.begins <= at < self.ends
