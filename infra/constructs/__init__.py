"""Parts that several stacks are built of."""
