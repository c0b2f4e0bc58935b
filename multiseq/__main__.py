"""`python -m multiseq`: what can be run from the command line."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TypeAlias

from .commands import reports
from .commands.finding import FactoryError
from .errors import MissingPackageError, MultiseqError

__all__ = ["main"]

_NAMES = """\
NAME is package.module:name or path/to/file.py:name: a sequence, or a function without arguments
that returns one, or (sequence, model). The folder of the command is on sys.path, as with python -m.

exit status: 0 all is well; 1 something was found, or failed; 2 wrong usage, or a package is missing
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns the exit status.

    Args:
        arguments: Of the command line; None for those of this process.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if "run" not in options:
        parser.print_help()
        return 0
    try:
        text, status = options.run(options)
    except reports.UsageError as error:
        return _failed(options.command, error, 2)
    except MissingPackageError as error:
        return _failed(options.command, error, 2)
    except MultiseqError as error:
        return _failed(options.command, error, 1)
    except FactoryError as error:
        cause = error.__cause__
        # From the user's code on: what called it is of no interest.
        shown = traceback.TracebackException.from_exception(cause)  # type: ignore[arg-type]
        shown.stack = traceback.StackSummary.from_list(
            [each for each in shown.stack if not _is_ours(each.filename)]
        )
        sys.stderr.write("".join(shown.format()))
        return _failed(options.command, f"{error} failed", 1)
    except KeyboardInterrupt:
        return _failed(options.command, "interrupted", 130)
    try:
        print(text, end="\n" if text else "", flush=True)
    except BrokenPipeError:  # Who reads it has seen enough, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(status)


def _failed(command: str, why: object, status: int) -> int:
    print(f"multiseq {command}: {why}", file=sys.stderr)
    return status


def _is_ours(filename: str) -> bool:
    from .commands import finding

    return filename in (finding.__file__, __file__) or filename.startswith("<frozen importlib")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m multiseq",
        description="Feed Keras models that have several inputs.",
        epilog=_NAMES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=reports.versions())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    _add(commands, "demo", _demo, "train and test three multi-input models on made data")
    _add_check(commands)
    validate = _add(
        commands,
        "validate",
        reports.validate,
        "load every sample, and list those that cannot be",
        "validate train.py:data",
    )
    _add_name(validate)
    _add_json(validate)
    _add_profile(commands)
    _add_show(commands)
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add_check(commands: _Commands) -> None:
    about = "compare a sequence with its model, and train one step"
    check = _add(
        commands,
        "check",
        reports.check,
        about,
        "check train.py:data --model train.py:model",
        "check package.module:data_and_model --overfit 32",
    )
    _add_name(check)
    _add_model(check)
    check.add_argument(
        "--overfit", type=_count, metavar="N", help="whether the model can learn N samples by heart"
    )
    check.add_argument("--strict", action="store_true", help="warnings too are an exit status of 1")
    _add_json(check)


def _add_profile(commands: _Commands) -> None:
    about = "measure where the time of a batch goes, and say what to change"
    profile = _add(
        commands,
        "profile",
        reports.profile,
        about,
        "profile train.py:data",
        "profile train.py:data --model train.py:model --try --plot time.png",
    )
    _add_name(profile)
    _add_model(profile)
    profile.add_argument(
        "--try", dest="try_it", action="store_true", help="make the change, and measure its gain"
    )
    profile.add_argument("--plot", metavar="FILE", help="draw it, as a PNG say")
    _add_json(profile)


def _add_show(commands: _Commands) -> None:
    about = "draw a batch, or the stages of one sample"
    show = _add(
        commands,
        "show",
        reports.show,
        about,
        "show train.py:data",
        "show train.py:data -n 4 -o batch.png",
        "show train.py:data --index 17 --stages",
    )
    _add_name(show)
    show.add_argument(
        "-o", "--output", default="multiseq.png", metavar="FILE", help="default: %(default)s"
    )
    show.add_argument(
        "--index", type=int, default=0, help="of the batch; with --stages, its first sample"
    )
    show.add_argument("-n", type=_count, help="samples to draw; or epochs to augment in, in stages")
    show.add_argument(
        "--stages", action="store_true", help="one sample raw, transformed, augmented"
    )


def _add(
    commands: _Commands,
    name: str,
    run: Callable[[argparse.Namespace], reports.Printed],
    about: str,
    *examples: str,
) -> argparse.ArgumentParser:
    lines = [f"  python -m multiseq {example}" for example in examples]
    parser = commands.add_parser(
        name,
        help=about,
        description=f"{about[0].upper()}{about[1:]}.",
        epilog="\n".join(["examples:", *lines, "", _NAMES] if lines else []),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the data, as said below")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="NAME", help="of the model, where NAME gives data alone")


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of samples")
    return number


def _demo(options: argparse.Namespace) -> reports.Printed:
    from . import demo

    return "", demo.main()  # It prints by itself.


if __name__ == "__main__":
    sys.exit(main())
