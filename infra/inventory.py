"""Writes what touches data of patients on AWS as a page: the network as a picture, and every resource.

    cd infra && cdk synth -o FOLDER && python -P -m infra.inventory FOLDER > ../docs/aws-inventory.md

The inventory of assets and the map of the network that the proposed HIPAA Security Rule of January 2025
asks for (45 CFR 164.308(a)(1)), as far as the lake has them. All is read from the templates, so that nothing
is forgotten, and a test holds the page to them.
"""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from a360.errors import OperatorError
from infra.estate import Address, Estate
from infra.network_map import draw
from infra.policy.custody import Custody

_KEY = "AWS::KMS::Key"
_KEY_SETTINGS = frozenset(["EncryptionKeyArn", "StreamEncryption", "EncryptionConfiguration"])
_TITLES = {
    Custody.HOLDS: "What holds data",
    Custody.CARRIES: "What data passes through",
    Custody.GUARDS: "What decides who reaches data, or keeps watch",
}
_HEAD = """# What touches data of patients on AWS

Made by `infra/inventory.py` from the templates of staging, and held to them by a test: do not edit it.
`infra/policy/custody.py` says of every type of resource what it has to do with data of patients; those that
never come near (budgets, schedules, alarms) are left out.

## The network

An arrow is a way that a rule of a security group opens, from who may speak to who listens; everything else is
closed. A box is a security group with what is in it.

```mermaid
{map}
```
"""
_NOTES = {
    Custody.HOLDS: """Losing one of these loses data; the gate of [deployments](aws.md) sees to that.
Files of tables lie in the buckets, under their keys; databases and tables of Glue hold names and types.
S3 writes its access logs under a key of its own.
""",
    Custody.CARRIES: """A dash is for what keeps nothing, or keeps it elsewhere in this list.
""",
    Custody.GUARDS: """How many of each; the templates have them one by one.
""",
}


def page(estate: Estate) -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD.format(map=draw(estate)), *(_section(estate, custody) for custody in _TITLES)])


def _section(estate: Estate, custody: Custody) -> str:
    told = _counted(estate) if custody is Custody.GUARDS else _named(estate, custody)
    return "\n".join((f"## {_TITLES[custody]}\n", _NOTES[custody], *told, ""))


def _named(estate: Estate, custody: Custody) -> Iterator[str]:
    rows: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for address, resource in estate.in_custody(custody):
        key = ", ".join(keys(estate, address)) or "-"
        rows[estate.part(address), resource["Type"].removeprefix("AWS::"), key].append(_name(estate, address))
    yield "| part | type | key | names |\n|---|---|---|---|"
    for row, names in sorted(rows.items()):
        yield f"| {' | '.join(row)} | {', '.join(f'`{each}`' for each in sorted(names))} |"


def _counted(estate: Estate) -> Iterator[str]:
    rows = Counter(
        (re.sub("^grants-.+", "grants-...", estate.part(address)), resource["Type"].removeprefix("AWS::"))
        for address, resource in estate.in_custody(Custody.GUARDS)
    )
    yield "| part | type | how many |\n|---|---|---|"
    for row, count in sorted(rows.items()):
        yield f"| {' | '.join(row)} | {count} |"


def _name(estate: Estate, address: Address) -> str:
    resource = estate.resources[address]
    if resource["Type"] == _KEY:
        return _alias(estate, address)
    told = resource.get("Properties", {}).get("Name")
    return told if isinstance(told, str) else estate.path(address)


def keys(estate: Estate, address: Address) -> list[str]:
    """The customer keys that a resource is encrypted under, by the names of their aliases."""
    resource = estate.resources[address]
    if resource["Type"] == _KEY:
        return []
    found = {
        _alias(estate, key)
        for value in _key_settings(resource.get("Properties", {}))
        for key in estate.named_by(address.stack, value)
        if estate.resources[key]["Type"] == _KEY
    }
    return sorted(found)


def _key_settings(value: Any) -> Iterator[Any]:  # noqa: ANN401 - templates are JSON
    """Values of settings that name a key, whatever a service calls them."""
    if isinstance(value, list):
        for each in value:
            yield from _key_settings(each)
    elif isinstance(value, Mapping):
        for name, told in value.items():
            if "kms" in name.lower() or name in {
                "EncryptionKeyArn",
                "StreamEncryption",
                "EncryptionConfiguration",
            }:
                yield told
            else:
                yield from _key_settings(told)


def _alias(estate: Estate, key: Address) -> str:
    for address, told in estate.of_type("AWS::KMS::Alias"):
        if key in estate.named_by(address.stack, told["TargetKeyId"]):
            return str(told["AliasName"]).rpartition("/")[2]
    return estate.path(key)


def main(arguments: list[str] | None = None) -> None:
    """Print the page of the folder that is named."""
    told = sys.argv[1:] if arguments is None else arguments
    if len(told) != 1:
        raise SystemExit("Name a folder: python -P -m infra.inventory FOLDER")
    try:
        sys.stdout.write(page(Estate.read(Path(told[0]))))
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
