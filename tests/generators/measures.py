"""What the tests of generators share: how these are made, asked for batches, and measured."""

from __future__ import annotations

import inspect
import io
import itertools
import multiprocessing
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import photo_pairs, telescopes

CHOSEN = 5, 42
"""The first event of the training set, and the one after the last."""

_NO_CODE = (
    tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER
)  # fmt: skip


def code_lines(source: str) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    lines: set[int] = set()
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            statement.append(token)
        if token.type == tokenize.NEWLINE:
            if statement[0].type != tokenize.STRING:
                lines.update(n for each in statement for n in range(each.start[0], each.end[0] + 1))
            statement = []
    return len(lines)


def needed(objects: tuple[Any, ...]) -> int:
    """The lines of code of some classes and functions."""
    return sum(code_lines(inspect.getsource(each)) for each in objects)


def made(case: Any, folder: Path) -> tuple[Any, Any]:
    """Writes the data of a case, and returns what it makes of them by hand and by multiseq."""
    np.random.seed(0)  # noqa: NPY002 (code by hand draws from there)
    case.write(folder)
    if case is telescopes:
        chosen = np.arange(*CHOSEN)
        return case.by_hand(folder, chosen), case.by_multiseq(folder, chosen)
    return case.by_hand(folder), case.by_multiseq(folder)


def several(made: Any) -> tuple[Any, ...]:
    return made if isinstance(made, tuple) else (made,)


def epoch(seq: Any) -> list[Any]:
    """The batches of an epoch, in order, as a loop by hand asks for them."""
    if isinstance(seq, photo_pairs.SiameseGenerator):
        return list(itertools.islice(iter(seq), len(seq)))
    return [seq[index] for index in range(len(seq))]


def after_an_epoch(seq: Any) -> Any:
    seq.on_epoch_end()
    return seq


def in_fork(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child, as loaders by hand have them."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(work()), name="loader")
    child.start()
    result = receiver.recv()
    child.join()
    return result


def forked(seq: Any, index: int, measure: Callable[[Any], Any]) -> Any:
    """What is measured of a batch that a worker of its own loads."""
    return in_fork(lambda: measure(seq[index]))


def levels(images: Any, step: float = 1) -> Any:
    """The gray of each image, which tells its sample."""
    return np.rint(images.mean(axis=(1, 2, 3)) * 255 / step).astype(int)
