import pytest

from a360.errors import OperatorError
from a360.settings import PREFIX, Settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"{PREFIX}{name.upper()}", raising=False)


def test_flag_beats_variable_beats_default(monkeypatch):
    """A flag wins over a variable, a variable over the default; a flag not given says nothing."""
    assert str(load_settings().lake) == "lake"
    monkeypatch.setenv("A360_LAKE", "elsewhere")
    assert str(load_settings(lake=None).lake) == "elsewhere"
    assert str(load_settings(lake="here").lake) == "here"


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
def test_value_not_allowed_names_the_variable(monkeypatch, variable, value):
    """A value that is not allowed is the operator's fault and names the variable and what it held."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(OperatorError, match="setting-invalid") as failure:
        load_settings()
    assert failure.value.where == variable
    assert value in failure.value.found


def test_flag_not_allowed_is_named_as_a_flag():
    """A flag whose value is not allowed is named as the flag that was typed."""
    with pytest.raises(OperatorError) as failure:
        load_settings(env="No Such Name")
    assert failure.value.where == "--env"


def test_empty_variable_is_unset(monkeypatch):
    """A variable that is empty counts as unset, as in most programs."""
    monkeypatch.setenv("A360_THREADS", "")
    assert load_settings().threads >= 1


def test_require_is_a_list(monkeypatch):
    """`A360_REQUIRE` is a comma-separated list; spaces and empty parts do not count."""
    monkeypatch.setenv("A360_REQUIRE", " data, spark,,")
    assert load_settings().require == {"data", "spark"}


def test_misspelt_variables_are_found():
    """A variable with our prefix that is no setting is reported; the fault tests' switch is not."""
    environ = {"A360_LAEK": "x", "A360_LAKE": "y", "A360_FAILPOINTS": "", "PATH": ""}
    assert unknown_variables(environ) == ["A360_LAEK"]
