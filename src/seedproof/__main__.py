"""``python -m seedproof``: the command line."""

from seedproof.cli import main

main()
