"""`python -m multiseq`: what can be run from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .errors import MissingPackageError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns the exit status.

    Args:
        arguments: Of the command line; None for those of this process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m multiseq", description="Feed Keras models that have several inputs."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    about = "train and test three multi-input models on data made in a temporary folder"
    demo = commands.add_parser("demo", help=about, description=f"{about[0].upper()}{about[1:]}.")
    demo.set_defaults(run=_demo)
    options = parser.parse_args(arguments)
    if "run" not in options:
        parser.print_help()
        return 0
    try:
        return int(options.run())
    except MissingPackageError as error:
        print(error, file=sys.stderr)
        return 2


def _demo() -> int:
    from . import demo

    return demo.main()


if __name__ == "__main__":
    sys.exit(main())
