"""Contracts as YAML, written the way people write them here."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

MODELINE = "# yaml-language-server: $schema=../schema/contract.schema.json\n"

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.()/-]*( [A-Za-z0-9_.()/-]+)*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_BESIDE = frozenset({"customProperties", "relationships", "enum", "quality"})


class _Flow(dict[str, Any]):
    """A mapping that is written on one line."""


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML might take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as the parent has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - as the parent has it
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


def _flow(dumper: yaml.SafeDumper, value: _Flow) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=True)


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    """As JSON writes it, which our reader and every other takes for the same number."""
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Flow, _flow)
_Dumper.add_representer(float, _float)


def contract_text(values: Mapping[str, Any], *, head: str = MODELINE) -> str:
    """The text of a contract file."""
    body = yaml.dump(
        _laid_out(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, indent=2
    )
    return head + body


def _laid_out(value: Any, *, short: bool = False) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, Mapping):
        laid = {key: _laid_out(item, short=key in _BESIDE) for key, item in value.items()}
        return _Flow(laid) if short else laid
    if isinstance(value, list | tuple):
        return [_laid_out(item, short=short) for item in value]
    return value
