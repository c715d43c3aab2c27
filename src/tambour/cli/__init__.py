"""
The command line: thin commands over the rooms above.

`main` is the entry point; it turns the errors of `tambour.errors` into diagnostics and
exit codes. Commands import what they need when they run, so that `--help` is quick.
"""

from tambour.cli.app import main

__all__ = ["main"]
