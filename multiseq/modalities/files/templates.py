"""Files named by key: templates such as `sensor_{key}.npy`, and the keys that a folder holds."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ...errors import AlignmentError, ArgumentError, SourceError, list_names
from ...paths import inside

__all__ = ["Template", "check_files", "find_keys", "is_known", "no_such_field"]

# What stands behind the ':' of a template, for each ending that can be read.
_FIELDS = {"npy": "", "npz": "array", "csv": "column", "json": "field", "txt": "field"}
_TEMPLATE = re.compile(
    rf"(?P<path>.+?\.(?P<kind>{'|'.join(_FIELDS)}))(:(?P<field>.*))?", re.DOTALL | re.IGNORECASE
)
_PLACE = "{key}"
_DOTS = frozenset(("", ".", ".."))
_ODD = re.compile(r"[\\:\0]")  # What may lead elsewhere, or nowhere, on some system.
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_EXAMPLE = "write a template such as 'sensor_{key}.npy' or 'meta_{key}.json:location'"


class Template:
    """A file named by key and, after a ':', what to take from it.

    The ':' that counts is the first one after a known ending: names and fields may hold others.

    Args:
        text: As in `meta_{key}.json:location`; the path is relative, with '/' on every system.
        foreign: Whether a user's function reads the files, which may then have any ending.

    Attributes:
        path: What stands before the ':'.
        kind: Its ending in small letters, as in "json"; "" where a user's function reads it.
        field: What stands after the ':', or None.
        parts: The path's folders and file.
        pieces: The path, cut where the key goes.

    Raises:
        ArgumentError: The text is no such template.
    """

    def __init__(self, text: str, foreign: bool = False) -> None:
        match = _TEMPLATE.fullmatch(text)
        if foreign and match and match["field"] is not None:
            raise _bad(text, "says what to take, and read= takes the whole file", "no ':'")
        if match is None and not foreign:
            error = _bad(text, "does not name a file that can be read", ", ".join(_FIELDS))
            error.fix = f"{_EXAMPLE}; files of other formats are read with read="
            raise error
        self.text = text
        self.path: str = text if foreign or match is None else match["path"]
        self.kind: str = "" if foreign or match is None else match["kind"].lower()
        self.field: str | None = None if match is None else match["field"]
        self.parts = self.path.split("/")
        self.pieces = self.path.split(_PLACE)
        self._check_path()
        self._check_field()

    def name(self, key: str) -> str:
        """The path of a key's file, relative to the folder."""
        return key.join(self.pieces)

    def _check_path(self) -> None:
        rest = "".join(self.pieces)
        if len(self.pieces) == 1 or "{" in rest or "}" in rest:
            raise _bad(self.text, "has no key, or another placeholder", "'{key}', as it is")
        if "\\" in rest or re.match("[A-Za-z]:", rest) or not _DOTS.isdisjoint(self.parts):
            raise _bad(self.text, "is not a plain path below `root`", "a relative path with '/'")

    def _check_field(self) -> None:
        word = _FIELDS.get(self.kind, "")
        if self.field == "" or _PLACE in (self.field or "") or (self.field and not word):
            expected = f"a {word} after the ':'" if word else f"no ':' after .{self.kind}"
            raise _bad(self.text, "has a field that makes no sense", expected)
        if self.field is None and self.kind == "npz":
            raise _bad(self.text, "does not say which array", "'name_{key}.npz:array'")


def is_known(text: str) -> bool:
    """Whether a template names a file of an ending that is known."""
    return _TEMPLATE.fullmatch(text) is not None


def _bad(text: str, what: str, expected: str) -> ArgumentError:
    return ArgumentError(f"the template {what}", got=repr(text), expected=expected, fix=_EXAMPLE)


def find_keys(root: str, templates: Sequence[Template]) -> list[str] | list[int]:
    """Finds the keys for which every template has its file.

    A file that fits several templates (`{key}.npy` and `{key}_mask.npy`) belongs to the one with
    the longest fixed text.

    Args:
        root: The folder, listed once; its subfolders are, where a template names them.
        templates: At least one.

    Returns:
        Integers, ascending, if all keys are the decimal text of an integer ("0", "12", "-3", not
        "007"), so that they meet the index of a DataFrame; else text, with the numbers in it
        compared as numbers. The order does not depend on the file system.

    Raises:
        AlignmentError: A key lacks one of its files.
        ArgumentError: No file fits a template.
        SourceError: A file is a symbolic link that leaves the folder.
    """
    listing = _Listing(root)
    found: dict[str, set[str]] = {}
    taken: set[str] = set()
    for template in sorted(_by_path(templates), key=lambda t: (-len(t.path), t.path)):
        keys = {key for key in listing.keys_of(template) if template.name(key) not in taken}
        taken.update(map(template.name, keys))
        found[template.path] = keys
        if not keys:
            raise listing.holds_none(template)
    every = set().union(*found.values())
    missing = {path: _sorted(every - keys) for path, keys in found.items() if every - keys}
    if missing:
        raise _missing(missing, "choose the keys to use with `keys=`, or delete what is alone")
    return _typed(every)


def check_files(root: str, templates: Sequence[Template], keys: Sequence[str]) -> None:
    """Checks that the files of given keys exist inside the folder.

    Args:
        root: The folder.
        templates: At least one.
        keys: The texts to put into the templates. They may hold '/'.

    Raises:
        AlignmentError: A key lacks one of its files.
        SourceError: A key leads out of the folder.
    """
    listing = _Listing(root)
    missing: dict[str, list[str]] = {}
    for template in _by_path(templates):
        lacking = [key for key in keys if not listing.has(template.name(key), len(template.parts))]
        if lacking:
            missing[template.path] = lacking
    if missing:
        held = list_names(sorted(listing.entries(""), key=_natural))
        raise _missing(missing, f"correct `keys`; the folder holds {held or 'nothing'}")


def no_such_field(kind: str, name: str, known: Collection[str]) -> SourceError:
    """The error for a field that a file does not have.

    Args:
        kind: "array", "column" or "field".
        name: The field asked for.
        known: The fields that are there.
    """
    return SourceError(
        f"there is no {kind} {name!r}",
        got=f"the {kind}s {list_names(known)}" if known else f"no {kind} at all",
        fix=f"correct the {kind} after the ':' of the template",
    )


class _Listing:
    """A listing, read on demand and once: what each folder below `root` holds."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._folders: dict[str, Mapping[str, str]] = {}

    def entries(self, folder: str) -> Mapping[str, str]:
        """Name -> "file", "folder", "link" or "" of what lies in a folder; empty if it is none."""
        if folder not in self._folders:
            is_folder = folder == "" or self.kind(folder) == "folder"
            self._folders[folder] = self._scan(folder) if is_folder else {}
        return self._folders[folder]

    def _scan(self, folder: str) -> dict[str, str]:
        with os.scandir(os.path.join(self.root, folder)) as entries:
            return {entry.name: _kind(entry) for entry in entries}

    def kind(self, path: str) -> str:
        """Says "file", "folder" or "" of a path without `..`; follows links inside `root`."""
        folder, _, name = path.rpartition("/")
        kind = self.entries(folder).get(name, "")
        if kind != "link":
            return kind
        real = inside(self.root, path)
        return "folder" if os.path.isdir(real) else "file" if os.path.isfile(real) else ""

    def has(self, path: str, depth: int) -> bool:
        """Whether a file is there, for a path whose key may be anything."""
        parts = path.split("/")
        if len(parts) == depth and _DOTS.isdisjoint(parts) and not _ODD.search(path):
            return self.kind(path) == "file"
        return os.path.isfile(inside(self.root, path))

    def keys_of(self, template: Template) -> Iterator[str]:
        yield from self._match("", template.parts, None)

    def _match(self, folder: str, parts: Sequence[str], key: str | None) -> Iterator[str]:
        part, rest = parts[0], parts[1:]
        if key is None and _PLACE in part:
            fits = _pattern(part).fullmatch
            matches = [(name, match[1]) for name in self.entries(folder) if (match := fits(name))]
        else:
            matches = [(part if key is None else part.replace(_PLACE, key), key)]
        for name, found in matches:
            path = f"{folder}/{name}" if folder else name
            if self.kind(path) != ("folder" if rest else "file"):
                continue
            if rest:
                yield from self._match(path, rest, found)
            else:
                yield found

    def holds_none(self, template: Template) -> ArgumentError:
        names = list_names(sorted(self.entries(""), key=_natural))
        return ArgumentError(
            f"no file fits the template {template.path!r}",
            got=f"a folder with {names}" if names else "an empty folder",
            fix="correct the template or `root`",
        )


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    return "file" if entry.is_file() else "folder" if entry.is_dir() else ""


def _pattern(part: str) -> re.Pattern[str]:
    first, *others = map(re.escape, part.split(_PLACE))
    return re.compile(first + "(.+)" + r"\1".join(others), re.DOTALL)


def _by_path(templates: Iterable[Template]) -> list[Template]:
    return list({template.path: template for template in templates}.values())


def _natural(text: str) -> tuple[list[str | int], str]:
    parts = re.split("([0-9]+)", text)
    return [int(part) if k % 2 else part for k, part in enumerate(parts)], text


def _typed(keys: Iterable[str]) -> list[str] | list[int]:
    texts = list(keys)
    if all(map(_INTEGER.fullmatch, texts)):
        return sorted(map(int, texts))
    return sorted(texts, key=_natural)


def _sorted(keys: Iterable[str]) -> list[str]:
    return [str(key) for key in _typed(keys)]


def _missing(missing: Mapping[str, Sequence[str]], fix: str) -> AlignmentError:
    count = len(set().union(*missing.values()))
    return AlignmentError(
        f"{count} {'key lacks' if count == 1 else 'keys lack'} a file",
        got="; ".join(f"no {path!r} for {list_names(keys)}" for path, keys in missing.items()),
        expected="each template's file for every key",
        fix=fix,
    )
