"""_npy: what `numpy.load` would read, byte for byte, and a clear refusal of anything else."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import SourceError
from multiseq.modalities.files.npy import ArrayStack, read_npz


def read(*paths: Path) -> Any:
    stack = ArrayStack(len(paths))
    for path in paths:
        stack.read(str(path))
    return stack.result()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def saved(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


class Payload:
    """Runs code when it is unpickled: makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


ARRAYS = [
    np.arange(15, dtype=np.float64).reshape(5, 3),
    np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    np.asfortranarray(np.arange(15, dtype=np.float32).reshape(5, 3)),
    np.asfortranarray(np.arange(24, dtype=">i4").reshape(2, 3, 4)),
    np.arange(6, dtype=">f8"),
    np.array([True, False]),
    np.array(2.5),
    np.zeros((0, 3)),
    np.zeros((3, 0), np.float16),
    np.array(["one", "three"]),
    np.arange(3, dtype=np.uint8),
    np.array(7, dtype=">u8"),
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array([1, 2], ">m8[s]"),
    np.array([1 + 2j, 3], ">c8"),
    np.array([b"a", b"abc"]),
    np.array([(1, 2.5), (3, 4.5)], [("a", ">i4"), ("b", "<f8")]),
    np.asfortranarray(np.ones((2, 3), [("a", ">i4"), ("b", "<f4", 2)])),
    np.zeros((1,) * 20),  # Its header has more than 128 bytes.
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_reads_as_numpy_does(tmp_path: Path, array: Any) -> None:
    path = write(tmp_path / "a.npy", saved(array))
    one = read(path)[0]
    expected = np.load(path, allow_pickle=False)
    np.testing.assert_array_equal(one, expected, strict=expected.dtype.isnative)
    assert one.dtype.isnative or one.dtype.kind == "V"  # Its fields are as they were.


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_stacks_like_arrays(tmp_path: Path, array: Any) -> None:
    paths = [write(tmp_path / f"{k}.npy", saved(array)) for k in range(3)]
    rows = read(*paths)
    assert isinstance(rows, np.ndarray)
    np.testing.assert_array_equal(rows, np.stack([array] * 3))


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_reads_both_versions(tmp_path: Path, version: tuple[int, int]) -> None:
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(4), version=version)
    np.testing.assert_array_equal(read(tmp_path / "a.npy")[0], np.arange(4))


def test_reads_a_header_of_another_length(tmp_path: Path) -> None:
    head = b"{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n"
    data = b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + b"\1\0\0\0\2\0\0\0"
    assert read(write(tmp_path / "a.npy", data))[0].tolist() == [1, 2]


def test_arrays_that_differ_are_a_list(tmp_path: Path) -> None:
    arrays = [np.arange(3), np.arange(5), np.arange(3), np.arange(3.0)]
    paths = [write(tmp_path / f"{k}.npy", saved(a)) for k, a in enumerate(arrays)]
    rows = read(*paths)
    assert isinstance(rows, list)
    for row, array in zip(rows, arrays, strict=True):
        np.testing.assert_array_equal(row, array, strict=True)


@pytest.mark.parametrize("dtype", ["<i4", ">f4", "<f4", "U1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_files_of_one_size_whose_headers_differ(tmp_path: Path, dtype: str, order: Any) -> None:
    arrays = [np.full((2, 3), k, "<f4") for k in range(4)]
    arrays[2] = np.asarray(np.arange(6).reshape(2, 3).astype(dtype), order=order)
    paths = [write(tmp_path / str(k), saved(array)) for k, array in enumerate(arrays)]
    assert len({path.stat().st_size for path in paths}) == 1
    for found, array in zip(read(*paths), arrays, strict=True):
        assert np.array_equal(found, array)
        assert found.dtype == array.dtype.newbyteorder("=")


def test_rows_keep_the_order_of_the_files(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{k}.npy", saved(np.full((4, 2), k))) for k in range(40)]
    assert read(*paths)[:, 0, 0].tolist() == list(range(40))


def test_the_array_can_be_written_to(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.npy", saved(np.arange(3))))[0].flags.writeable


def test_the_batch_is_aligned(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a.npy", saved(np.zeros((100, 5), np.float32))))
    assert rows.ctypes.data % 64 == 0


GOOD = saved(np.arange(100.0))
HUGE = GOOD.replace(b"(100,), }", b"(10000000000000,), }", 1)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (GOOD[:-1], "cut short"),
        (GOOD[:128], "cut short"),
        (GOOD[:60], "makes no sense"),
        (GOOD[:7], "makes no sense"),
        (GOOD + b"\0", "bytes follow"),
        (GOOD + GOOD, "bytes follow"),
        (HUGE, "cut short"),
        (GOOD.replace(b"(100,)", b"(-10,)"), "makes no sense"),
        (GOOD.replace(b"'<f8'", b"'<f9'"), "makes no sense"),
        (GOOD.replace(b"{", b"(", 1), "makes no sense"),
        (GOOD.replace(b"\x93NUMPY\1", b"\x93NUMPY\4"), "makes no sense"),
        (b"PK\3\4" + GOOD, "not a .npy file"),
        (b"location,time\n1,2\n", "not a .npy file"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        read(write(tmp_path / "a.npy", data))


def test_the_size_of_every_file_is_checked(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "1.npy", GOOD), write(tmp_path / "2.npy", GOOD[:-8])
    with pytest.raises(SourceError, match="cut short"):
        read(good, bad)


def test_an_object_array_is_refused_and_not_run(tmp_path: Path) -> None:
    payload = np.empty(1, object)
    payload[0] = Payload(tmp_path / "pwned")
    np.save(tmp_path / "a.npy", payload, allow_pickle=True)
    with pytest.raises(SourceError, match="pickled") as caught:
        read(tmp_path / "a.npy")
    assert "numpy.save" in str(caught.value)
    assert not (tmp_path / "pwned").exists()


def test_a_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    write(tmp_path / "a.npy", pickle.dumps(Payload(tmp_path / "pwned")))
    with pytest.raises(SourceError, match="pickled"):
        read(tmp_path / "a.npy")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_gives_arrays_by_name(tmp_path: Path, save: Any) -> None:
    arrays = {f"a{k}": array for k, array in enumerate(ARRAYS)}
    save(tmp_path / "a.npz", **arrays)
    for array, read_array in zip(
        ARRAYS, read_npz(str(tmp_path / "a.npz"), list(arrays)), strict=True
    ):
        np.testing.assert_array_equal(read_array, array)


def test_npz_names_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", first=np.arange(3), second=np.arange(2))
    with pytest.raises(SourceError, match="no array 'third'") as caught:
        read_npz(str(tmp_path / "a.npz"), ["third"])
    assert "'first', 'second'" in str(caught.value)


def test_npz_with_objects_is_refused_and_not_run(tmp_path: Path) -> None:
    payload = np.empty(1, object)
    payload[0] = Payload(tmp_path / "pwned")
    np.savez(tmp_path / "a.npz", allow_pickle=True, x=payload)
    with pytest.raises(SourceError, match="pickled"):
        read_npz(str(tmp_path / "a.npz"), ["x"])
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_with_a_wrong_checksum_is_refused(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", x=np.arange(10_000))
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        checksum = archive.getinfo("x.npy").CRC.to_bytes(4, "little")
    write(tmp_path / "a.npz", (tmp_path / "a.npz").read_bytes().replace(checksum, b"\0\1\2\3"))
    with pytest.raises(SourceError, match="damaged"):
        read_npz(str(tmp_path / "a.npz"), ["x"])


@pytest.mark.parametrize("data", [b"", b"PK\3\4", GOOD])
def test_npz_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(SourceError, match="damaged"):
        read_npz(str(write(tmp_path / "a.npz", data)), ["x"])


@pytest.mark.parametrize(("member", "words"), [("x", "no array 'x'"), ("x.npy", "not a .npy")])
def test_npz_member_that_is_no_array_is_refused(tmp_path: Path, member: str, words: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(member, "hello")
    with pytest.raises(SourceError, match=words):
        read_npz(str(tmp_path / "a.npz"), ["x"])


# ---- how much an archive may claim


def bomb(path: Path, count: int, real: int) -> Path:
    """An archive of an array of `count` bytes, by its header, of which `real` zeros are there."""
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({count},), }}\n".encode()
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w", force_zip64=True) as member,
    ):
        member.write(b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head)
        for _ in range(real >> 20):
            member.write(bytes(1 << 20))
    return path


def test_an_archive_that_unpacks_to_far_too_much(tmp_path: Path) -> None:
    size = (1 << 30) + (1 << 20)
    with pytest.raises(SourceError, match=r"(?s)too large to be unpacked safely.*numpy\.savez"):
        read_npz(str(bomb(tmp_path / "a.npz", size, size)), ["a"])


def test_an_archive_that_unpacks_to_other_than_it_says(tmp_path: Path) -> None:
    for count, real in ((5 << 20, 2 << 20), (1 << 20, 5 << 20), (1 << 50, 1 << 20)):
        with pytest.raises(SourceError, match=r"cut short|bytes follow"):
            read_npz(str(bomb(tmp_path / "a.npz", count, real)), ["a"])


def test_a_mask_of_almost_nothing_but_zeros_is_read(tmp_path: Path) -> None:
    mask = np.zeros((512, 512, 64), np.float32)
    mask[17, 300, 5] = 1
    np.savez_compressed(tmp_path / "a.npz", a=mask)
    assert (tmp_path / "a.npz").stat().st_size < mask.nbytes / 900
    np.testing.assert_array_equal(read_npz(str(tmp_path / "a.npz"), ["a"])[0], mask)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f4", ">U3", "|b1", ">i2"])
@pytest.mark.parametrize("shape", [(), (0, 3), (7, 5), (600, 800)])
def test_members_of_any_layout(tmp_path: Path, order: Any, dtype: str, shape: Any) -> None:
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype, order=order)
    np.savez_compressed(tmp_path / "a.npz", a=array)
    (got,) = read_npz(str(tmp_path / "a.npz"), ["a"])
    assert got.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(got, array)
