"""What identifies a person in FHIR data, and the texts that its tokens are made from.

Ingest and refine, and later the vault, must spell an identity alike, or tokens no longer join.
"""

from typing import Final

PERSON_TYPES: Final = frozenset({"Patient", "Person", "RelatedPerson"})
"""Resource types whose logical id is an identifier: their key is a token everywhere."""

PATIENT: Final = "patient"
"""Token domain of a person's key, made from `source|logical id`."""

IDENTIFIER: Final = "identifier"
"""Token domain of a business identifier, made from `system|value`; the default of identifier columns."""

FULL_URL: Final = "full_url"
"""Token domain of a Bundle entry's full URL, made from `source|url`."""

FILE: Final = "file"
"""Token domain of a file's name."""

ERASED: Final = "erased"
"""Token domain of what was erased, made from a patient's key: it tells of nobody who is in a table."""

CONTENT: Final = "content"
"""What content that was erased is called beside patients; its keyed digest is known already."""
