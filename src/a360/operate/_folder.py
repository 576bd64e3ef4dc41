"""A lake's folder: what lies where, who may see it, and who works in it now."""

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from a360.errors import ConflictError, OperatorError, UsageError
from a360.files import is_draft, write_whole
from a360.protect import LocalKeyStore

type Origin = Literal["generated", "own"]

FORMAT = 1
_FILE = "a360.json"
_OWNER_ONLY = 0o700
_FOLDERS = ("warehouse", "keys", "audit", "logs", "tmp")
_WAIT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class LakeFolder:
    """The folder of a lake. `a360.json` in it says which format it has and where its data came from."""

    path: Path

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = True,
        make_keys: Callable[[Path], object] = LocalKeyStore.create,
    ) -> "LakeFolder":
        """Open a lake's folder; where there is none, make a new one if it is to `create`.

        `make_keys` makes the key store of a new one, in the folder for it.

        Raises:
            OperatorError: `not-a-lake` where the folder holds something else, a newer format, or nothing.
        """
        folder = cls(path.absolute())
        if not folder.file.exists():
            if not create:
                raise OperatorError(
                    "not-a-lake",
                    "There is no lake in this folder",
                    where=str(folder.path),
                    next_step="name another folder, or have its owner make a lake there",
                )
            folder._create(make_keys)
        folder._require_known_format()
        return folder

    @property
    def file(self) -> Path:
        """The file that makes the folder a lake."""
        return self.path / _FILE

    @property
    def keys(self) -> Path:
        """The key store's folder."""
        return self.path / "keys"

    @property
    def audit(self) -> Path:
        """The audit log's folder."""
        return self.path / "audit"

    @property
    def tmp(self) -> Path:
        """The folder for what does not outlive a process."""
        return self.path / "tmp"

    def _create(self, make_keys: Callable[[Path], object]) -> None:
        if self._holds_something_else():
            raise OperatorError(
                "not-a-lake",
                "The folder for the lake holds something else",
                where=str(self.path),
                found=f"no {_FILE} among its files",
                next_step="name an empty or a new folder with --lake",
            )
        for folder in (self.path, *(self.path / name for name in _FOLDERS)):
            folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
            folder.chmod(_OWNER_ONLY)
        # Keys come first: a folder is a lake only once what seals its data is there for good.
        make_keys(self.keys)
        self._write({"format": FORMAT, "created_at": datetime.now(UTC).isoformat(), "origin": None})

    def _holds_something_else(self) -> bool:
        """Whether it holds anything but what an interrupted creation leaves."""
        if not self.path.exists():
            return False
        if not self.path.is_dir():
            return True
        return any(entry.name not in _FOLDERS and not is_draft(entry) for entry in self.path.iterdir())

    def _require_known_format(self) -> None:
        found = self._read().get("format")
        if found != FORMAT:
            raise OperatorError(
                "not-a-lake",
                "The lake has a format that this version does not know",
                where=str(self.file),
                found=f"format {found!r}, known is {FORMAT}",
                next_step="use the version of a360 that made the lake, or a newer one",
            )

    @property
    def origin(self) -> Origin | None:
        """Whether the lake holds generated data or a user's own; None while it holds neither."""
        origin: Origin | None = self._read().get("origin")  # type: ignore[assignment]
        return origin

    def claim(self, origin: Origin) -> None:
        """Say what kind of data is about to come in.

        Raises:
            UsageError: `input-mixed` where the lake holds the other kind.
        """
        facts = self._read()
        if facts.get("origin") not in {None, origin}:
            raise UsageError(
                "input-mixed",
                "Generated data and a user's own are not mixed in one lake",
                where=str(self.path),
                found=f"the lake holds {facts['origin']} data, asked was for {origin} data",
                next_step="name another folder with --lake (make demo: LAKE=…)",
            )
        if facts.get("origin") is None:
            self._write({**facts, "origin": origin})

    def _read(self) -> dict[str, object]:
        try:
            facts = json.loads(self.file.read_text())
        except (OSError, ValueError) as error:
            raise OperatorError(
                "not-a-lake",
                f"{_FILE} cannot be read",
                where=str(self.file),
                found=type(error).__name__,
                next_step="restore the file from a backup, or name another folder with --lake",
            ) from error
        if not isinstance(facts, dict):
            raise OperatorError("not-a-lake", f"{_FILE} is no JSON object", where=str(self.file))
        return facts

    def _write(self, facts: dict[str, object]) -> None:
        """Replace the file as a whole: a process that dies half way leaves the old one."""
        write_whole(self.file, json.dumps(facts, indent=2))

    @property
    def applied(self) -> str | None:
        """The fingerprint of the plan that the tables were last made to fit."""
        fingerprint = self._read().get("applied")
        return fingerprint if isinstance(fingerprint, str) else None

    def note_applied(self, fingerprint: str) -> None:
        """Remember that the tables fit a plan."""
        if self.applied != fingerprint:
            self._write({**self._read(), "applied": fingerprint})

    @contextlib.contextmanager
    def working(self) -> Iterator[bool]:
        """Hold the lake for a job that must run alone; waits for another one to end.

        The lock is the kernel's, so that it is gone with a process that dies. What is yielded says whether
        the last holder died: then there may be something to mend.

        Raises:
            ConflictError: `lake-busy` after ten minutes.
        """
        with (self.path / ".lock").open("a+") as file:
            deadline = time.monotonic() + _WAIT_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    self._require_time_left(deadline)
                    time.sleep(0.1)
            file.seek(0)
            died = file.read() != ""
            file.write("working")
            file.flush()
            yield died
            file.truncate(0)

    def _require_time_left(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise ConflictError(
                "lake-busy",
                "Another process works in the lake and does not end",
                where=str(self.path),
                found=f"waited {_WAIT_SECONDS:.0f} s",
                next_step="wait for it, or end it; nothing it has not committed is lost by that",
            )
