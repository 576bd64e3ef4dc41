"""From an argument list to an exit code: `a360 run --engine spark`, on whatever Spark it is started in."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from a360.errors import A360Error, InternalError, OperatorError

_TERMINATED = 128 + signal.SIGTERM


def main(argv: Sequence[str] | None = None) -> int:
    """Run one job; the report goes to standard output, everything else to standard error.

    SIGTERM ends it as an exception would: a commit that has begun is settled, Spark and catalog are closed.
    """
    given = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _leave)
    try:
        report = _run(given)
    except A360Error as error:
        return _tell(error, as_json=given.as_json)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last line: a fault of ours, told without its data
        return _tell(_our_fault(error), as_json=given.as_json)
    sys.stdout.write(json.dumps(report, default=str, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m a360.spark", description="Runs the refinery on Spark, as a job.", allow_abbrev=False
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="refine bronze to silver, and silver to gold", allow_abbrev=False,
        description="Brings datasets, and what they are made from, up to date; none named means all.",
    )  # fmt: skip
    run.add_argument("datasets", nargs="*", metavar="DATASET", help="as silver.patient")
    run.add_argument("--lake", type=Path, metavar="DIR", help="the folder of the lake (default: ./lake)")
    run.add_argument("--env", metavar="NAME", help="the environment to work in (default: local)")
    run.add_argument("--full", action="store_true", help="compute anew what has not changed, too")
    run.add_argument("--json", dest="as_json", action="store_true", help="tell errors as JSON, too")
    return parser


def _run(given: argparse.Namespace) -> list[dict[str, object]]:
    # a job is started by `--help` as well, which waits for no engine
    from a360.jvm import close_spark  # noqa: PLC0415
    from a360.lake import open_lake  # noqa: PLC0415
    from a360.settings import configure_logging, load_settings  # noqa: PLC0415

    settings = load_settings(lake=given.lake and given.lake.expanduser(), env=given.env)
    if not (settings.lake / "a360.json").is_file():
        raise OperatorError(
            "not-a-lake",
            "There is no lake in this folder",
            where=str(settings.lake),
            next_step="name another folder with --lake",
        )
    configure_logging(settings.log_level, settings.log_format, settings.lake / "logs")
    try:
        with open_lake(settings.lake, env=settings.env, contracts=settings.contracts) as lake:
            return lake.run(*given.datasets, engine="spark", full=given.full, progress=_progress).to_json()
    finally:
        close_spark()


def _progress(stage: str, detail: str, done: int, total: int | None) -> None:
    """A line where a part of a stage has ended: a job's log is read afterwards."""
    if total is None or done >= total:
        sys.stderr.write(f"{stage}: {detail} ({done:,})\n")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)


def _tell(error: A360Error, *, as_json: bool) -> int:
    sys.stderr.write(
        (json.dumps(error.to_json()) if as_json else f"error: {error}\n  more: {error.anchor}") + "\n"
    )
    return error.exit_code


def _our_fault(error: Exception) -> InternalError:
    """Log where it happened, never what its message says: that may quote a patient's data."""
    import structlog  # noqa: PLC0415 - not for `--help`

    structlog.get_logger("a360.spark").error("job failed", exc_info=error)
    return InternalError(
        "internal",
        "The job failed by a fault of the software",
        found=type(error).__name__,
        next_step="report it with the last lines of the lake's logs/, which hold no data",
    )
