"""The doctor: what a lake and its machine need, looked at one by one, and how to mend what is not well."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from a360.errors import A360Error
from a360.operate._doctor._check import DoctorCheck, judged
from a360.operate._doctor._folder import folder_checks, format_checks
from a360.operate._doctor._machine import file_system_checks, machine_checks, nearest
from a360.operate._doctor._objects import object_checks
from a360.operate._doctor._spark import spark_checks
from a360.operate._doctor._tables import OpenLake, catalog_checks, table_checks
from a360.operate._doctor._trust import anchor_checks, worker_checks
from a360.protect.keys import PackedKeyStore
from a360.settings import Settings

__all__ = ["DoctorCheck", "OpenLake", "examine"]


def examine(
    settings: Settings,
    opened: Callable[[], AbstractContextManager[OpenLake]],
    keys: Callable[[], PackedKeyStore],
) -> list[DoctorCheck]:
    """Look at the machine and at the lake, if there is one. Nothing is changed, nothing is made.

    What rests on something that is broken is not looked at: first things are mended first. So the lake is
    `opened` only once it is known to open.
    """
    checks = [*machine_checks(settings), *spark_checks(settings), *worker_checks()]
    path = settings.lake
    if not (path / "a360.json").exists():
        checks.append(_no_lake(settings))
        return checks
    checks += file_system_checks(path / "tmp" if (path / "tmp").is_dir() else nearest(path))
    checks += format_checks(path)
    checks += folder_checks(path, keys)
    checks += anchor_checks(settings)
    checks += catalog_checks(settings)
    if all(each.ok for each in checks if each.name in {"format", "catalog"}):
        checks += _tables(opened, keys)
    return checks


def _no_lake(settings: Settings) -> DoctorCheck:
    """A folder with data and without `a360.json` has lost it; any other is just no lake yet."""
    lost = any((settings.lake / name).exists() for name in ("warehouse", "catalog.db", "keys"))
    found = (
        "a360.json is not there, and other parts of a lake are" if lost else f"none in {settings.lake} yet"
    )
    return judged("lake", "format", found, fail=lost, mend="restore a360.json from a backup")


def _tables(
    opened: Callable[[], AbstractContextManager[OpenLake]], keys: Callable[[], PackedKeyStore]
) -> list[DoctorCheck]:
    try:
        with opened() as lake:
            return [*table_checks(lake, keys), *object_checks(lake)]
    except A360Error as error:
        return [DoctorCheck("tables", "metadata", "fail", error.what, error.next_step)]
