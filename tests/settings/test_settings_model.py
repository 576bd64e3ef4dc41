import pytest

from a360.errors import OperatorError
from a360.settings import PREFIX, Settings, effective_settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("A360_CONFIG", raising=False)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


@pytest.fixture
def file(tmp_path):
    """Writes `a360.toml` into the working folder."""

    def write(text, mode=0o644):
        path = tmp_path / "a360.toml"
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


def origins(**flags):
    return {each.name: each.origin for each in effective_settings(**flags)}


def test_flag_beats_variable_beats_file_beats_default(monkeypatch, file):
    """A flag wins over a variable, a variable over the file, the file over the default; each is named."""
    assert str(load_settings().lake) == "lake"
    assert origins()["lake"] == "default"
    file('lake = "filed"\nthreads = 3\n')
    assert str(load_settings().lake) == "filed"
    assert load_settings().threads == 3
    assert origins()["lake"] == "lake in a360.toml"
    monkeypatch.setenv("A360_LAKE", "elsewhere")
    assert str(load_settings(lake=None).lake) == "elsewhere"
    assert origins()["lake"] == "A360_LAKE"
    assert str(load_settings(lake="here").lake) == "here"
    assert origins(lake="here")["lake"] == "--lake"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("A360_THREADS", "0"),
        ("A360_THREADS", "many"),
        ("A360_MEMORY_LIMIT", "lots"),
        ("A360_MEMORY_LIMIT", "1GB'; DROP"),
        ("A360_LOG_LEVEL", "loud"),
        ("A360_LOG_FORMAT", "xml"),
        ("A360_ENV", "../etc"),
    ],
)
def test_value_not_allowed_names_where_it_stands(monkeypatch, file, variable, value):
    """A value that is not allowed is the operator's fault; the message names its place and the value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(OperatorError, match="setting-invalid") as failure:
        load_settings()
    assert failure.value.where == variable
    assert value in failure.value.found
    monkeypatch.delenv(variable)
    name = variable.removeprefix(PREFIX).lower()
    file(f'{name} = "{value}"\n')
    with pytest.raises(OperatorError, match="setting-invalid") as failure:
        load_settings()
    assert failure.value.where == f"{name} in a360.toml"


def test_flag_not_allowed_is_named_as_a_flag():
    """A flag whose value is not allowed is named as the flag that was typed."""
    with pytest.raises(OperatorError) as failure:
        load_settings(env="No Such Name")
    assert failure.value.where == "--env"


def test_empty_variable_is_unset(monkeypatch, file):
    """A variable that is empty counts as unset, as in most programs: the file speaks then."""
    monkeypatch.setenv("A360_THREADS", "")
    assert load_settings().threads >= 1
    file("threads = 5\n")
    assert load_settings().threads == 5


def test_require_is_a_list(monkeypatch):
    """`A360_REQUIRE` is a comma-separated list; spaces and empty parts do not count."""
    monkeypatch.setenv("A360_REQUIRE", " data, spark,,")
    assert load_settings().require == {"data", "spark"}


def test_misspelt_variables_are_found():
    """A variable with our prefix that is no setting is reported; the fault tests' switch is not."""
    environ = {"A360_LAEK": "x", "A360_LAKE": "y", "A360_FAILPOINTS": "", "PATH": ""}
    assert unknown_variables(Settings.model_fields, environ) == ["A360_LAEK"]


def test_what_is_misspelt_stops_everything_and_is_told_with_the_nearest_name(monkeypatch, file):
    """A key or a variable that is no setting would do nothing, silently: it is an error that helps."""
    file('memory_limti = "2GB"\n')
    monkeypatch.setenv("A360_THRADS", "2")
    with pytest.raises(OperatorError, match="setting-unknown") as failure:
        load_settings()
    assert failure.value.where == "memory_limti in a360.toml, A360_THRADS"
    assert "did you mean memory_limit?" in failure.value.found
    assert "did you mean A360_THREADS?" in failure.value.found


def test_a_table_in_the_file_is_unknown(file):
    """A section is a key like any other, and none is known: its settings are not half-read."""
    file("[engine]\nthreads = 2\n")
    with pytest.raises(OperatorError, match="setting-unknown"):
        load_settings()


def test_a_file_can_be_named_and_paths_in_it_are_meant_from_it(monkeypatch, tmp_path):
    """`A360_CONFIG` names the file; a relative path in it does not depend on where a command is run."""
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    (elsewhere / "clinic.toml").write_text('lake = "data/lake"\ncontracts = "/opt/contracts"\n')
    monkeypatch.setenv("A360_CONFIG", str(elsewhere / "clinic.toml"))
    assert load_settings().lake == elsewhere / "data/lake"
    assert str(load_settings().contracts) == "/opt/contracts"
    monkeypatch.setenv("A360_CONFIG", str(elsewhere / "missing.toml"))
    with pytest.raises(OperatorError, match="input-missing"):
        load_settings()


@pytest.mark.parametrize("text", ["lake = lake\n", "lake", "\x00", 'lake = "a"\nlake = "b"\n'])
def test_a_file_that_is_no_toml_is_refused_with_its_place(file, text):
    """A broken file is an error that names it, and is not taken for an empty one."""
    file(text)
    with pytest.raises(OperatorError, match="setting-invalid") as failure:
        load_settings()
    assert failure.value.where == "a360.toml"


def test_a_secret_is_never_shown(monkeypatch, file):
    """No representation, listing or error holds a secret's value."""
    file('catalog_token = "hush-hush"\n', mode=0o600)
    settings = load_settings()
    assert settings.catalog_token.get_secret_value() == "hush-hush"
    told = [each.to_json() for each in effective_settings()]
    assert "hush" not in f"{settings!r} {settings.model_dump_json()} {told}"
    assert {each["name"]: each["value"] for each in told}["catalog_token"] == "**********"
    file('catalog_token = ["hush-hush"]\n', mode=0o600)
    with pytest.raises(OperatorError) as failure:
        load_settings()
    assert "hush" not in str(failure.value)


@pytest.mark.parametrize("url", ["https://me:hush-hush@lineage.example", "lineage.example?key=hush-hush"])
def test_a_url_that_is_refused_is_not_repeated(monkeypatch, url):
    """A collector's URL may be refused for its password: the error says why, and not the URL."""
    monkeypatch.setenv("A360_OPENLINEAGE_URL", url)
    with pytest.raises(OperatorError, match="setting-invalid") as failure:
        load_settings()
    assert "without credentials" in str(failure.value)
    assert "hush" not in f"{failure.value!r} {failure.value} {failure.value.__dict__}"
    assert failure.value.__cause__ is None


def test_a_secret_in_a_file_for_all_is_refused(file):
    """A secret that others on the machine can read is none; a file without secrets may be open."""
    path = file('catalog_token = "hush-hush"\n', mode=0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        load_settings()
    path.chmod(0o600)
    load_settings()
