"""FileSequence: arrays that no model takes, until a function makes numbers of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiseq.errors import SpecError
from multiseq.modalities.files.sequence import FileSequence
from multiseq.transforms import Standardize, Vocabulary

RECORDS = [("a", ">i4"), ("b", "<f4")]
KINDS: dict[str, Any] = {
    "complex": [np.array([k + 1j, 2 - k]) for k in range(4)],
    "dates": [np.array([f"2020-01-0{k + 1}", "2021-01-01"], "M8[D]") for k in range(4)],
    "durations": [np.array([k, 60], "m8[s]") for k in range(4)],
    "records": [np.array([(k, 0.5), (7, k)], RECORDS) for k in range(4)],
}
CURES: dict[str, Any] = {
    "complex": lambda z: np.stack([z.real, z.imag], axis=-1),
    "dates": lambda t: (t - np.datetime64("2020-01-01")) / np.timedelta64(1, "s"),
    "durations": lambda t: t / np.timedelta64(1, "s"),
    "records": lambda array: array["b"],
}


def folder_of(tmp_path: Path, arrays: list[Any]) -> Path:
    for key, array in enumerate(arrays):
        np.save(tmp_path / f"x_{key}.npy", array)
        np.savez(tmp_path / f"z_{key}.npz", x=array)
    return tmp_path


@pytest.mark.parametrize("template", ["x_{key}.npy", "z_{key}.npz:x"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_function_makes_numbers_of_them(tmp_path: Path, kind: str, template: str) -> None:
    folder, cure = folder_of(tmp_path, KINDS[kind]), CURES[kind]
    expected = np.stack([cure(array) for array in KINDS[kind]]).astype("f4")
    data = FileSequence(folder, {"x": template}, batch_size=4, transforms={"x": cure})
    np.testing.assert_array_equal(data[0][0]["x"], expected, strict=True)
    scaled = FileSequence(
        folder, {"x": template}, batch_size=4, transforms={"x": (cure, Standardize())}
    )
    scaled.adapt()
    assert abs(scaled[0][0]["x"].mean()) < 1e-6


@pytest.mark.parametrize("template", ["x_{key}.npy", "z_{key}.npz:x"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ragged", [False, True])
def test_without_one_they_are_refused(
    tmp_path: Path, kind: str, template: str, ragged: bool
) -> None:
    arrays = [array[: 1 + k % 2] if ragged else array for k, array in enumerate(KINDS[kind])]
    data = FileSequence(folder_of(tmp_path, arrays), {"x": template}, batch_size=4)
    with pytest.raises(SpecError, match=r"input x.*no model takes") as caught:
        data[0]
    assert "transforms={'x': function}" in str(caught.value)
    words = {"complex": "array.real", "records": "array[name]"}.get(kind, "timedelta64")
    assert words in str(caught.value)


def test_bytes_are_text(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [np.array(text, "S3") for text in (b"a", b"b", b"a", b"c")])
    with pytest.raises(SpecError, match="is text"):
        FileSequence(folder, {"x": "x_{key}.npy"})[0]
    data = FileSequence(
        folder,
        {"x": "x_{key}.npy"},
        transforms={"x": (lambda text: text.astype(str), Vocabulary())},
    )
    data.adapt()
    ids = data[0][0]["x"].tolist()
    assert ids[0] == ids[2] != ids[1]
