"""How a function becomes a command: with a `Face`, and global flags before or after its name."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from a360.cli._face import Face, Flags

LakeFlag = Annotated[
    Path | None, typer.Option("--lake", metavar="DIR", help="The folder of the lake (default: ./lake).")
]
EnvFlag = Annotated[
    str | None, typer.Option("--env", metavar="NAME", help="The environment to work in (default: local).")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Answer in JSON on standard output.")]

type Body = Callable[..., int | None]


def command(app: typer.Typer, name: str | None = None) -> Callable[[Body], Body]:
    """Register a function `(face, …) -> exit code or None` as a command of `app`."""

    def register(body: Body) -> Body:
        app.command(name)(_with_global_flags(body))
        return body

    return register


def default(app: typer.Typer) -> Callable[[Body], Body]:
    """Register such a function as what a group does that is called without one of its commands."""

    def register(body: Body) -> Body:
        app.callback(invoke_without_command=True)(_with_global_flags(body))
        return body

    return register


def _with_global_flags(body: Body) -> Body:
    def run(ctx: typer.Context, **given: Any) -> None:  # noqa: ANN401 - typer has checked them
        flags = Flags(given.pop("lake"), given.pop("env"), given.pop("as_json"))
        flags = flags.over(ctx.obj) if isinstance(ctx.obj, Flags) else flags
        if ctx.invoked_subcommand:
            ctx.obj = flags
            return
        code = body(Face(flags), **given)
        if code:
            raise typer.Exit(code)

    own = list(inspect.signature(body).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *(each.replace(kind=keyword) for each in own),
        inspect.Parameter("lake", keyword, default=None, annotation=LakeFlag),
        inspect.Parameter("env", keyword, default=None, annotation=EnvFlag),
        inspect.Parameter("as_json", keyword, default=False, annotation=JsonFlag),
    ]
    run.__name__, run.__doc__ = body.__name__, body.__doc__
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
