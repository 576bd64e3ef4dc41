"""Table metadata as raw JSON: creation, updates, requirements, history. Pure functions; versions 1 to 3.

Documents stay plain dictionaries, never typed models, so that a field this code does not know survives a
commit.
"""

from a360.catalog.metadata._apply import UPDATE_ACTIONS, apply_updates, create_by_updates
from a360.catalog.metadata._create import new_metadata
from a360.catalog.metadata._history import normal_form, with_predecessor
from a360.catalog.metadata._requirements import REQUIREMENT_TYPES, asks_to_create, check_requirements

__all__ = [
    "REQUIREMENT_TYPES",
    "UPDATE_ACTIONS",
    "apply_updates",
    "asks_to_create",
    "check_requirements",
    "create_by_updates",
    "new_metadata",
    "normal_form",
    "with_predecessor",
]
