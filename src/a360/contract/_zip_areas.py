"""Three-digit ZIP code areas in which few people live, as data with its date and source.

Safe Harbor lets the first three digits of a ZIP code stay only where more than 20,000 people live in the
area by current data of the Bureau of the Census (45 CFR 164.514(b)(2)(i)(B)).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ZipAreas:
    """Areas of three digits with no more than 20,000 people, and who counted them when."""

    census: str
    source: str
    restricted: frozenset[str]


ZIP_AREAS: Final = ZipAreas(
    census="2000",
    source=(
        "HHS Office for Civil Rights, Guidance Regarding Methods for De-identification of Protected Health "
        "Information (26 November 2012), after 67 FR 53182, 53233-53234 (14 August 2002)"
    ),
    restricted=frozenset(
        "036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split()  # noqa: SIM905 -- a table
    ),
)
"""The table that masks and releases go by. The rule asks for current data: a later table replaces it."""
