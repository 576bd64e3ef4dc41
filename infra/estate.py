"""All resources of a synthesis at once: what names what, also where a parameter lies between two stacks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from infra.assembly import Template, read_templates, referenced
from infra.policy.custody import Custody, custody_of

_PARAMETER = "AWS::SSM::Parameter"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a resource is told of: its stack and its logical id there."""

    stack: str
    name: str


@dataclass(frozen=True)
class Estate:
    """The templates of all stacks, by the stack's name."""

    templates: Mapping[str, Template]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What `cdk synth -o` wrote into a folder.

        Raises:
            OperatorError: the folder is not what `cdk synth` writes, or has no stack.
        """
        return cls(read_templates(folder))

    @cached_property
    def resources(self) -> Mapping[Address, Mapping[str, Any]]:
        """All resources."""
        return {
            Address(stack, name): resource
            for stack, template in self.templates.items()
            for name, resource in template.get("Resources", {}).items()
        }

    def of_type(self, kind: str) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """The resources of a type, with their properties."""
        for address, resource in self.resources.items():
            if resource["Type"] == kind:
                yield address, resource.get("Properties", {})

    def in_custody(self, custody: Custody) -> Iterator[tuple[Address, Mapping[str, Any]]]:
        """The resources that have this to do with data of patients."""
        for address, resource in self.resources.items():
            if custody_of(resource) is custody:
                yield address, resource

    def named_by(self, stack: str, value: Any) -> list[Address]:  # noqa: ANN401 - templates are JSON
        """The resources that a value in a stack names, by itself or by a parameter that another publishes."""
        found = []
        for name in referenced(value):
            if (own := Address(stack, name)) in self.resources:
                found.append(own)
            elif parameter := self.templates[stack].get("Parameters", {}).get(name):
                found += self._published.get(parameter.get("Default"), ())
        return found

    def path(self, address: Address) -> str:
        """What the app calls a resource, such as `vpc/door-s3`."""
        told = self.resources[address].get("Metadata", {}).get("aws:cdk:path", address.name).split("/")
        return "/".join(each for each in told[2:] if each not in {"Resource", "Default"}) or address.name

    def part(self, address: Address) -> str:
        """The part of the deployment that a resource is of, such as `storage`."""
        return self._parts[address.stack]

    @cached_property
    def _parts(self) -> Mapping[str, str]:
        return {
            address.stack: resource["Metadata"]["aws:cdk:path"].split("/")[1]
            for address, resource in self.resources.items()
            if "aws:cdk:path" in resource.get("Metadata", {})
        }

    @cached_property
    def _published(self) -> Mapping[str, list[Address]]:
        return {
            properties["Name"]: [
                Address(address.stack, name)
                for name in referenced(properties["Value"])
                if Address(address.stack, name) in self.resources
            ]
            for address, properties in self.of_type(_PARAMETER)
        }
