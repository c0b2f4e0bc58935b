"""`python -m multiseq` prints its reports, and none of what TensorFlow logs.

Whoever sets `TF_CPP_MIN_LOG_LEVEL` gets the logs that they ask for. Help and version come at once:
they need no Keras.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

__all__ = ["is_told_alone", "quietly"]

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_LOGGED = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called.*\n?"
    rb"|[IWE]\d{4} [\d:.]+ +\d+ [\w.]+:\d+\].*\n?"
    rb"|To enable the following instructions: .*\n?"
)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Leaves out what is logged while Keras is imported, where this package is run as a command.

    TensorFlow 2.20 and later log then whatever the level, and past `sys.stderr`: so it is the file
    that is held back, and what is no log, or comes with an error, is written all the same.
    """
    if _arguments() is None or _LEVEL in os.environ:
        yield
        return
    os.environ[_LEVEL] = "3"
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")
    with tempfile.TemporaryFile() as held:
        written = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(written, 2)
            os.close(written)
            held.seek(0)
            text = held.read()
            sys.stderr.write((text if failed else _LOGGED.sub(b"", text)).decode(errors="replace"))


def is_told_alone() -> bool:
    """Whether Python is about to run this package for its help or version, and nothing else."""
    given = _arguments()
    if given is None or "--" in given:
        return False
    return not given or not {"-h", "--help", "--version"}.isdisjoint(given)


def _arguments() -> list[str] | None:
    """What this package is about to be run with; None where it is not run as a command.

    Until then, argv[0] is but `-m`.
    """
    given = sys.orig_argv
    if sys.argv[:1] != ["-m"] or "-m" not in given:  # It may be glued to the name.
        return None
    name, *arguments = [*given[given.index("-m") + 1 :], ""]
    return arguments[:-1] if name == "multiseq" else None
