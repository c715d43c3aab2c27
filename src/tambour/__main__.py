"""`python -m tambour` is `tambour`."""

from tambour.cli import main

main()
