"""The pages on views are sessions that can be typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def blocks(page):
    """The fences of a page: the language, the name of a file or nothing, and the body."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(block):
    """The commands of a console block, each with the output that the text shows."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def shell(command, folder):
    """What a command writes to a terminal that is no terminal."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return result.stdout


def fits(shown, written):
    """Whether an output is the one shown; a line with nothing but … stands for any lines."""
    parts = [re.escape(part.rstrip()) for part in re.split(r"^…$", tidy(shown), flags=re.MULTILINE)]
    return re.fullmatch(r"[\s\S]*".join(parts) + r"\s*", tidy(written)) is not None


def tidy(text):
    """Lines without the blanks that end them."""
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.e2e
@pytest.mark.parametrize(("page", "expected"), [("views.md", 5), ("tutorial-views.md", 14)])
def test_page_is_what_comes_out(page, expected, tmp_path):
    """Typed in order, a page's files and commands give the outputs that it shows."""
    for name in ("contracts", "environments"):
        shutil.copytree(ROOT / name, tmp_path / name)
    commands = 0
    for language, name, body in blocks(page):
        if name:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(body, "utf-8")
        elif language == "console":
            for command, output in typed(body):
                written = shell(command, tmp_path)
                assert fits(output, written), f"$ {command}\n{written}"
                commands += 1
    assert commands == expected
