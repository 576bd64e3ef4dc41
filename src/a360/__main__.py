"""`python -m a360` is `a360`."""

from a360.cli import main

main()
