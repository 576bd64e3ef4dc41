"""What AWS Lambda calls. Each module has a `handler`; rules of their own they have none."""
