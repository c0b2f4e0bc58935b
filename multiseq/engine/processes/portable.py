"""Errors on their way from a worker to the main process.

An error of a user's class may refuse to be pickled, unpickled or printed. So beside its pickle
goes what it says, in text, which the main process makes a `LoadError` of where the pickle fails.
"""

from __future__ import annotations

import pickle
import traceback
from typing import Any, NamedTuple, TypeGuard

from ...errors import LoadError, MultiseqError, said

__all__ = ["Packed", "located"]


class Packed(NamedTuple):
    """An error as it is sent: text, and its pickle."""

    what: str
    got: str | None
    fix: str | None
    where: dict[str, str]
    note: str
    pickled: bytes | None

    @classmethod
    def of(cls, error: BaseException, what: str) -> Packed:
        """Packs an error.

        Args:
            error: What was raised.
            what: What to say happened, where it is none of ours.
        """
        note = "In the worker process:\n" + "".join(traceback.format_exception(error))
        if not _is_located(error):
            return cls(f"{what}: {said(error)}", None, None, {}, note, None)
        error.__cause__ = error.__context__ = None
        try:
            pickled = pickle.dumps(error)
            pickle.loads(pickled)
        except Exception:  # Its class is known in this process alone, or takes other arguments.
            pickled = None
        what = error.what if type(error) is LoadError else f"{type(error).__name__}: {error.what}"
        where = {name: str(place) for name, place in error.where.items()}
        return cls(what, _text(error.got), _text(error.fix), where, note, pickled)

    def error(self) -> MultiseqError:
        """Returns the error, with the worker's traceback as a note."""
        error = None if self.pickled is None else _unpickled(self.pickled)
        if error is None:
            got = {} if self.got is None else {"got": self.got}
            error = LoadError(self.what, **got, fix=self.fix).at(**self.where)
        error.add_note(self.note)
        return error


def located(error: Any, source: Any) -> Any:
    """Returns a worker's error with the key of its sample, which the worker does not know.

    Args:
        error: As it was unpacked.
        source: The sequence that was sent, with its keys.
    """
    if "index" not in error.where:
        return error.at(cls=source.called)
    *parts, index = map(int, error.where.pop("index").split("/"))
    for number in parts:
        source = source.parts[number]
    return error.at(**source.locate(index))


def _is_located(error: Any) -> TypeGuard[MultiseqError]:
    return isinstance(error, MultiseqError) and hasattr(error, "where")


def _text(value: Any) -> str | None:
    return value if value is None else str(value)


def _unpickled(pickled: bytes) -> MultiseqError | None:
    try:
        error = pickle.loads(pickled)
    except Exception:
        return None
    return error if _is_located(error) else None
