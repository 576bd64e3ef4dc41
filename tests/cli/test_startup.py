import resource
import subprocess
import sys

A360 = [sys.executable, "-m", "a360"]
HEAVY = (
    *("duckdb", "pyarrow", "pyiceberg", "pydantic", "pydantic_settings", "rich", "structlog", "sqlglot"),
    *("uvicorn", "starlette", "fastapi", "jwt", "httpx", "numpy", "yaml", "cryptography", "a360.lake"),
    "a360.serve",
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


def loaded_by(*arguments, **options):
    """What the command answers, and every module it has imported by then."""
    script = (
        f"import sys; from a360.cli import main\ntry: main({list(arguments)!r})\nexcept SystemExit: pass\n"
    )
    script += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60, **options
    )
    return done.stdout, set(done.stderr.split())


def test_help_imports_no_engine():
    """Nothing heavy is imported for the help: each command imports what it needs when it runs."""
    _, loaded = loaded_by("--help")
    assert "typer" in loaded
    assert sorted(set(HEAVY) & loaded) == []


def test_looking_at_tables_imports_nothing_that_changes_them(demo_lake):
    """`a360 tables` waits for no linter, no refinery, no SQL parser and no job."""
    told, loaded = loaded_by("tables", "--json", cwd=demo_lake.folder)
    assert "patient_360" in told
    rooms = ("fhir", "ingest", "lineage", "quality", "refine", "synth", "trust")
    unwanted = {"sqlglot", "a360.lake._lint", "a360.operate._jobs", *(f"a360.{room}" for room in rooms)}
    assert sorted(unwanted & loaded) == []


def test_importing_the_package_costs_nothing():
    """`import a360` brings no engine along either."""
    script = "import sys, a360, a360.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert sorted(set(HEAVY) & set(loaded.split())) == []
