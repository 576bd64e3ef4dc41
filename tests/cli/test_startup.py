import resource
import subprocess
import sys

A360 = [sys.executable, "-m", "a360"]
HEAVY = (
    *("duckdb", "pyarrow", "pyiceberg", "pydantic", "pydantic_settings", "rich", "structlog", "sqlglot"),
    *("uvicorn", "starlette", "httpx", "numpy", "yaml", "cryptography", "a360.lake"),
)


def seconds(*arguments):
    """Time the command took of a processor: what the machine does besides is not our start-up."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*A360, *arguments], check=True, capture_output=True, timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_comes_at_once():
    """`a360 --help` takes less than 0.3 s; on a busy machine the best of some tries counts."""
    tries = []
    while not tries or (min(tries) >= 0.3 and len(tries) < 12):
        tries.append(seconds("--help"))
    assert min(tries) < 0.3


def test_help_imports_no_engine():
    """Nothing heavy is imported for the help: each command imports what it needs when it runs."""
    script = "import sys; from a360.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    script += "print('\\n'.join(sys.modules), file=sys.stderr)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=30
    ).stderr.split()
    assert "typer" in loaded
    assert sorted(set(HEAVY) & set(loaded)) == []


def test_importing_the_package_costs_nothing():
    """`import a360` brings no engine along either."""
    script = "import sys, a360, a360.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert sorted(set(HEAVY) & set(loaded.split())) == []
