"""Keeps plans that were made, so that a process need not read and check all contracts before its first word.

A plan is found by what it follows from: the bytes of the contracts and environments, the packs, the
environment, and the code that made it. What is kept are plain values in JSON. It is taken only from a folder
that nobody else can write to, since a plan says who may see what; what is not as it was written is made anew.
"""

import dataclasses
import os
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from a360.contract import _disclosure, _plan, _plan_records, _policy, _rules
from a360.contract._folders import environments_folder
from a360.contract._plan import LakePlan
from a360.files import write_whole

_FOLDER: Final = "plans"
_MOST_KEPT: Final = 16
_DIGEST: Final = 64
# Subfolders whose files' names are looked at when contracts are read, and their bytes are not.
_NAMES_ALONE: Final = frozenset({"schema", "terminology"})
_READ: Final = frozenset({"bronze", "silver", "gold", "views", "models"})
_PACKS: Final = "packs"
_TUPLE, _DECIMAL = 0, 1
_MODULES: Final = (_plan, _plan_records, _rules, _policy, _disclosure)


@dataclasses.dataclass(frozen=True, slots=True)
class MadePlan:
    """A plan with its fingerprint, which takes a moment to compute."""

    plan: LakePlan
    fingerprint: str


def made_plan(folder: Path, packs: Collection[str], environment: str, cache: Path | None) -> MadePlan:
    """The plan of a folder's contracts, from the cache if it is there; without a cache it is made.

    Raises:
        ContractError: the contracts have faults.
    """
    kept = None if cache is None else _place(cache)
    if kept is None:
        return _make(folder, packs, environment)
    key = _key(folder, packs, environment)
    found = _read(kept / f"{key}.json", key)
    if found is None:
        found = _make(folder, packs, environment)
        # Contracts that were changed while they were read are not what the key says.
        if _key(folder, packs, environment) == key:
            _write(kept, key, found)
    return found


def _make(folder: Path, packs: Collection[str], environment: str) -> MadePlan:
    from a360.contract._lint import load_contracts  # noqa: PLC0415 - what the cache is there to spare
    from a360.contract._make_plan import make_plan  # noqa: PLC0415 - likewise

    plan = make_plan(load_contracts(folder, packs=packs), environment)
    return MadePlan(plan, plan.fingerprint)


def _place(cache: Path) -> Path | None:
    """The folder of plans, if this account alone can write to it."""
    place = cache / _FOLDER
    with suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_own(place.lstat(), stat.S_ISDIR):
            return place
    return None


def _is_own(found: os.stat_result, kind: Any) -> bool:  # noqa: ANN401 - a predicate of the module stat
    return kind(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _key(folder: Path, packs: Collection[str], environment: str) -> str:
    digest = sha256(repr((sorted(packs), environment)).encode())
    for line in (*_code(), *_declared(folder), *_files(environments_folder(folder), read=True)):
        digest.update(len(line).to_bytes(8) + line)
    return digest.hexdigest()


def _code() -> Iterator[bytes]:
    """The code that makes plans, by size and time of its files."""
    for entry in sorted(os.scandir(Path(__file__).parent), key=lambda each: each.name):
        if entry.name.endswith(".py"):
            found = entry.stat()
            yield f"{entry.name} {found.st_size} {found.st_mtime_ns}".encode()


def _declared(folder: Path) -> Iterator[bytes]:
    yield from _files(folder, read=True)
    for name in sorted({*_READ, *_NAMES_ALONE}):
        yield from _files(folder / name, read=name in _READ)
    with suppress(OSError):
        for pack in sorted(path for path in (folder / _PACKS).iterdir() if path.is_dir()):
            yield from _declared(pack)


def _files(folder: Path, *, read: bool) -> Iterator[bytes]:
    """The names in a folder, with what the files hold."""
    try:
        entries = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError:
        return
    yield f"{folder.name}/".encode()
    for entry in entries:
        yield entry.name.encode(errors="surrogateescape")
        if read and entry.is_file():
            yield Path(entry).read_bytes()


def _read(file: Path, key: str) -> MadePlan | None:
    try:
        with file.open("rb") as stream:
            if not _is_own(os.fstat(stream.fileno()), stat.S_ISREG):
                return None
            content = stream.read()
        if sha256(content[_DIGEST:]).hexdigest().encode() != content[:_DIGEST]:
            return None
        kept = msgspec.json.decode(content[_DIGEST:])
        if kept["key"] != key:
            return None
        return MadePlan(_Unpacked(kept["classes"]).value(kept["plan"]), kept["fingerprint"])
    except (OSError, ValueError, TypeError, LookupError):
        return None


def _write(place: Path, key: str, made: MadePlan) -> None:
    try:
        packed = _Packed()
        plan = packed.value(made.plan)
        kept = {"key": key, "fingerprint": made.fingerprint, "classes": packed.names, "plan": plan}
        content = msgspec.json.encode(kept)
        if _Unpacked(packed.names).value(msgspec.json.decode(content)["plan"]) != made.plan:
            return
        write_whole(place / f"{key}.json", sha256(content).hexdigest().encode() + content)
        for old in sorted(place.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-_MOST_KEPT]:
            old.unlink(missing_ok=True)
    except (OSError, TypeError):
        # The next process makes it anew, too.
        return


def _classes(*modules: ModuleType) -> Mapping[str, Any]:
    """What a plan is made of."""
    found = (value for module in modules for value in vars(module).values())
    return {
        each.__name__: each for each in found if isinstance(each, type) and dataclasses.is_dataclass(each)
    }


class _Packed:
    """Turns a plan into JSON values: an object is a list that begins with the number of its class."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._known = _classes(*_MODULES)

    def value(self, value: object) -> Any:  # noqa: ANN401 - JSON
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, tuple):
            return [_TUPLE, *map(self.value, value)]
        if isinstance(value, Mapping):
            return {name: self.value(each) for name, each in value.items()}
        if isinstance(value, Decimal):
            return [_DECIMAL, str(value)]
        kind = type(value)
        name = kind.__name__
        if self._known.get(name) is not kind:
            raise TypeError(f"a plan holds no {name}")
        if name not in self.names:
            self.names.append(name)
        fields = dataclasses.fields(self._known[name])
        number = self.names.index(name) + _DECIMAL + 1
        return [number, *(self.value(getattr(value, field.name)) for field in fields)]


class _Unpacked:
    """The way back."""

    def __init__(self, names: Collection[str]) -> None:
        known = _classes(*_MODULES)
        self._classes: list[Any] = [tuple, Decimal, *(known[name] for name in names)]

    def value(self, packed: Any) -> Any:  # noqa: ANN401 - JSON
        if type(packed) is list:
            values = [self.value(each) if type(each) in (list, dict) else each for each in packed[1:]]
            return tuple(values) if packed[0] == _TUPLE else self._classes[packed[0]](*values)
        if type(packed) is dict:
            return {name: self.value(each) for name, each in packed.items()}
        return packed
