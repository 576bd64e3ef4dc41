"""Table and view metadata as raw JSON: creation, updates, requirements, history. Pure functions.

Tables have the format versions 1 to 3, views version 1. Documents stay plain dictionaries, never typed
models, so that a field this code does not know survives a commit.
"""

from a360.catalog.metadata._apply import UPDATE_ACTIONS, apply_updates, create_by_updates
from a360.catalog.metadata._create import new_metadata
from a360.catalog.metadata._history import normal_form, with_predecessor
from a360.catalog.metadata._requirements import REQUIREMENT_TYPES, asks_to_create, check_requirements
from a360.catalog.metadata._views import (
    VIEW_REQUIREMENT,
    VIEW_UPDATE_ACTIONS,
    apply_view_updates,
    check_view_requirements,
    new_view,
)

__all__ = [
    "REQUIREMENT_TYPES",
    "UPDATE_ACTIONS",
    "VIEW_REQUIREMENT",
    "VIEW_UPDATE_ACTIONS",
    "apply_updates",
    "apply_view_updates",
    "asks_to_create",
    "check_requirements",
    "check_view_requirements",
    "create_by_updates",
    "new_metadata",
    "new_view",
    "normal_form",
    "with_predecessor",
]
