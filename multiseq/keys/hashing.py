"""Hashes of keys, and of numbers, that are the same on any machine and in any version."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["hash_keys", "hash_numbers"]

_PURPOSE = b"multiseq.split"


def hash_keys(keys: pd.Index[Any] | pd.Series[Any], depth: int = 0) -> npt.NDArray[np.uint64]:
    """Returns a hash of each key: the first 8 bytes of BLAKE2b, as a little-endian number.

    What is hashed is the key as text in UTF-8: numbers in decimal (1 and 1.0 alike), times in
    ISO 8601, the parts of a tuple one after the other, each after its length and a colon. It is
    the same for a key on any machine and in any version.

    Args:
        keys: Text, bytes, numbers, dates, UUIDs, or tuples of these.
        depth: How many such splits the samples have been through: each draws anew.

    Raises:
        ArgumentError: A key is something else.
    """
    codes, names = keys.factorize()
    person = _PURPOSE + depth.to_bytes(2, "little")
    digests = b"".join(
        hashlib.blake2b(_encoded(key), digest_size=8, person=person).digest()
        for key in names.tolist()
    )
    hashes: npt.NDArray[np.uint64] = np.frombuffer(digests, "<u8").astype(np.uint64)
    return np.asarray(hashes[codes], np.uint64)


def hash_numbers(arrays: Iterable[Any]) -> str:
    """Returns a hash of arrays of numbers, one after the other, the same on any machine."""
    found = hashlib.blake2b(digest_size=16)
    for array in map(np.asarray, arrays):
        dtype = "<f8" if array.dtype.kind == "f" else "<i8"
        found.update(np.ascontiguousarray(array, dtype).data)
    return found.hexdigest()


def _encoded(key: Any) -> bytes:
    kind = type(key)
    if kind is str:
        return bytes(key, "utf-8", "surrogatepass")
    if kind is int or isinstance(key, np.integer):
        return str(int(key)).encode()
    if isinstance(key, float | np.floating):
        return (str(int(key)) if float(key).is_integer() else repr(float(key))).encode()
    if isinstance(key, bytes):
        return key
    if isinstance(key, datetime.datetime) and key.tzinfo is not None:
        return key.astimezone(datetime.UTC).isoformat().encode()  # One instant, one hash.
    if isinstance(key, datetime.date):  # pandas.Timestamp is one, too.
        return key.isoformat().encode()
    if isinstance(key, bool | uuid.UUID):
        return str(key).encode()
    if isinstance(key, tuple):
        return b"".join(b"%d:%b" % (len(part), part) for part in map(_encoded, key))
    raise ArgumentError(
        "a key has no text that would be the same tomorrow",
        got=key,
        expected="text, bytes, numbers, dates, UUIDs, or tuples of these, for hash=True",
    )
