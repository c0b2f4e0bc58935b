"""Files are read through one small interface, behind which any store can stand."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import SourceError
from multiseq.modalities.files.leaves import FileLeaf, by_file
from multiseq.sources.folders import FileStore, Folder, OpenedBytes
from multiseq.sources.foreign import as_foreign

KEYS = [3, 1, 2]
TEMPLATES = ("s_{key}.npy", "z_{key}.npz:b", "m_{key}.json:score", "t_{key}.csv:q", "d_{key}.txt:n")


class Elsewhere:
    """Files that lie in no folder, as in a store far away."""

    has_paths = False

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files
        self.asked: list[str] = []

    def read(self, which: str, /) -> bytes:
        self.asked.append(which)
        return self._files[which]

    def open(self, which: str, /) -> OpenedBytes:
        return OpenedBytes(self.read(which))

    def path(self, which: str, /) -> str:
        raise NotImplementedError

    def name(self, which: str, /) -> str:
        return f"store://{which}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for key in KEYS:
        np.save(tmp_path / f"s_{key}.npy", np.full((4, 2), key, np.float32))
        np.savez(tmp_path / f"z_{key}.npz", a=np.zeros(9), b=np.arange(key, key + 3))
        (tmp_path / f"m_{key}.json").write_text(json.dumps({"score": key / 2}))
        (tmp_path / f"t_{key}.csv").write_text(f"p,q\n1,{key}\n2,{key}\n")
        (tmp_path / f"d_{key}.txt").write_text(str({"n": key}))
        (tmp_path / f"f_{key}.bin").write_bytes(bytes([key, key]))
    return tmp_path


def elsewhere(root: Path) -> Elsewhere:
    return Elsewhere({path.name: path.read_bytes() for path in root.iterdir()})


def read(files: FileStore[str], text: str, function: Callable[..., Any] | None = None) -> Any:
    (file,) = by_file(files, [FileLeaf(0, "x", text, as_foreign(function))])
    return file.read(KEYS)[0]


@pytest.mark.parametrize("template", TEMPLATES)
def test_any_store_can_stand_behind(root: Path, template: str) -> None:
    store = elsewhere(root)
    found, expected = read(store, template), read(Folder(root), template)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    first = template.partition(":")[0]
    assert store.asked == [first.format(key=key) for key in KEYS]


@pytest.mark.parametrize("template", TEMPLATES[:2])
def test_a_system_need_not_read_into_several_arrays(
    root: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    expected = read(Folder(root), template)
    monkeypatch.delattr(os, "readv")  # As on Windows.
    np.testing.assert_array_equal(read(Folder(root), template), expected)


def test_so_it_can_for_a_function_of_bytes(root: Path) -> None:
    def pair(data: bytes) -> Any:
        return np.frombuffer(data, np.uint8)

    found = read(elsewhere(root), "f_{key}.bin", pair)
    assert found.tolist() == [[key, key] for key in KEYS]


def test_damage_is_found_whatever_stands_behind(root: Path) -> None:
    path = root / "s_2.npy"
    path.write_bytes(path.read_bytes()[:-4])
    for files in (Folder(root), elsewhere(root)):
        with pytest.raises(SourceError, match=r"s_2\.npy: the array is cut short"):
            read(files, TEMPLATES[0])


def test_an_open_file_reads_as_pythons_own(root: Path) -> None:
    path = root / "z_1.npz"
    data = path.read_bytes()
    with Folder(root).open("z_1.npz") as mine, io.BytesIO(data) as other, path.open("rb") as own:
        assert os.fstat(mine.fileno()).st_ino == os.fstat(own.fileno()).st_ino
        assert mine.size == len(data)
        for offset, whence, size in [(5, 0, 7), (3, 1, 4), (-9, 2, 100), (10, 0, -1), (0, 2, -1)]:
            assert mine.seek(offset, whence) == other.seek(offset, whence)
            assert mine.read(size) == other.read(size)
            assert mine.tell() == other.tell()
        for file in (mine, OpenedBytes(data)):
            file.seek(0)
            parts = bytearray(6), bytearray(len(data))
            assert file.readv(parts) == len(data)
            assert parts[0] + parts[1][:-6] == data


def test_a_read_that_stops_short_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: whole(fd, min(size, 5)))
    data = (root / "z_1.npz").read_bytes()
    folder = Folder(root)
    assert folder.read("z_1.npz") == data
    with folder.open("z_1.npz") as file:
        assert file.read(12) == data[:12]
        assert file.read() == data[12:]


def test_nothing_is_left_open(root: Path) -> None:
    folder = Folder(root)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        folder.read("s_1.npy")
        assert folder.path("s_1.npy") == folder.name("s_1.npy") == str(root / "s_1.npy")
        with folder.open("s_1.npy") as file:
            file.read(1)
        with pytest.raises(SourceError, match="leaves its root"):
            folder.open("../s")
    assert len(os.listdir("/proc/self/fd")) == before
