"""Resources one after the other: Lake Formation fails on changes that reach it at the same time."""

import aws_cdk as cdk


class Serial:
    """Has each resource wait for the one before, whatever CloudFormation would make at once."""

    def __init__(self) -> None:
        """Nothing has been added."""
        self._last: cdk.CfnResource | None = None

    def __call__[Resource: cdk.CfnResource](self, resource: Resource) -> Resource:
        """The resource, which waits for the last one."""
        if self._last is not None:
            resource.add_resource_dependency(self._last)
        self._last = resource
        return resource
