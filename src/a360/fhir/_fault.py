"""Faults of a view, and the error that carries all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from a360.errors import ContractError

_SHOWN = 20
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: the JSON pointer of the part at fault, what was found there and what is allowed."""

    pointer: str
    found: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.found}; {self.allowed}"


class ViewError(ContractError):
    """A ViewDefinition has faults; `faults` holds every one of them."""

    def __init__(self, faults: Sequence[Fault], *, view: str = "", subject: str = "") -> None:
        self.faults = tuple(faults)
        name = subject or (f"view {view!r}" if view else "the view")
        count = "a fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        shown = "\n    ".join(str(fault) for fault in self.faults[:_SHOWN])
        more = f"\n    and {len(self.faults) - _SHOWN} more" if len(self.faults) > _SHOWN else ""
        super().__init__(
            "view-invalid",
            f"{name} has {count}",
            where=self.faults[0].pointer or "/",
            found=shown + more,
            next_step="correct the view; pointers are JSON pointers into it",
        )


def _shown(text: str) -> str:
    """A text that any terminal and any file can take, of a length that a person reads."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return plain if len(plain) <= _LONGEST else plain[:_LONGEST] + " …"


class Faults:
    """Collects faults while a view is compiled, so that all are reported together."""

    def __init__(self, found: Sequence[Fault] = ()) -> None:
        self.found = list(found)

    def add(self, pointer: str, found: str, allowed: str) -> None:
        """Note one fault; the same one is noted once."""
        fault = Fault(*(_shown(text) for text in (pointer, found, allowed)))
        if fault not in self.found:
            self.found.append(fault)
