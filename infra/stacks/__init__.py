"""One module a stack; `component.py` composes them into a stage."""
