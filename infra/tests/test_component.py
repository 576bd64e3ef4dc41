"""How the command line of the CDK finds the stacks."""

import aws_cdk as cdk


def test_all_stacks_are_in_the_main_assembly(stacks):
    """What names no stack means all of them (`deploy --all`, `diff`, `drift`), in no other assembly."""
    assert len(stacks) > 20
    assert {cdk.Stage.of(stack).node.path for stack in stacks.values()} == {""}
