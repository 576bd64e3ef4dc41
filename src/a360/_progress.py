"""How a job tells how far it is."""

from collections.abc import Callable

type Progress = Callable[[str, str, int, int | None], None]
"""Called with a stage, what it is at, how much is done, and how much there is, None where that is unknown."""
