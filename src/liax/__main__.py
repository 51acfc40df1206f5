"""`python -m liax` is the `liax` command."""

from liax.cli.main import main

main()
