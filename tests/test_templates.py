"""_templates: which file is whose, and which keys a folder holds."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import pytest

from multiseq.errors import AlignmentError, ArgumentError, SourceError
from multiseq.modalities.files.templates import Template, check_files, find_keys


def touch(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return str(root)


def templates(*texts: str) -> list[Template]:
    return [Template(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "path", "kind", "field"),
    [
        ("sensor_{key}.npy", "sensor_{key}.npy", "npy", None),
        ("meta_{key}.json:location", "meta_{key}.json", "json", "location"),
        ("meta_{key}.JSON:a.b", "meta_{key}.JSON", "json", "a.b"),
        ("{key}.csv:speed:km/h", "{key}.csv", "csv", "speed:km/h"),
        ("at 12:30 {key}.npz:x", "at 12:30 {key}.npz", "npz", "x"),
        ("{key}.json:copy.json:x", "{key}.json", "json", "copy.json:x"),
        ("{key}/s_{key}.txt", "{key}/s_{key}.txt", "txt", None),
    ],
)
def test_template_is_taken_apart(text: str, path: str, kind: str, field: str | None) -> None:
    template = Template(text)
    assert (template.path, template.kind, template.field) == (path, kind, field)


def test_name_fills_every_place() -> None:
    assert Template("{key}/s_{key}.npy").name("7") == "7/s_7.npy"


def test_a_key_with_braces_is_no_template() -> None:
    assert Template("s_{key}.npy").name("{key}") == "s_{key}.npy"


@pytest.mark.parametrize(
    "text",
    [
        "sensor.npy",
        "sensor_{}.npy",
        "sensor_{id}.npy",
        "sensor_{key:03}.npy",
        "sensor_{key!r}.npy",
        "sensor_{key}_{id}.npy",
        "sensor_{{key}}.npy",
        "sensor_{key}.pkl",
        "sensor_{key}",
        "",
        "sensor_{key}.npy:x",
        "meta_{key}.json:",
        "meta_{key}.json:{key}",
        "all.json:{key}",
        "scan_{key}.npz",
        "../sensor_{key}.npy",
        "a/../{key}.npy",
        "./{key}.npy",
        "a//{key}.npy",
        "/data/{key}.npy",
        "C:/data/{key}.npy",
        "a\\{key}.npy",
    ],
)
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(repr(text))):
        Template(text)


def test_integer_keys_are_integers_in_order(tmp_path: Path) -> None:
    numbers = list(range(120))
    random.Random(3).shuffle(numbers)
    root = touch(tmp_path, *(f"s_{k}.npy" for k in numbers))
    assert find_keys(root, templates("s_{key}.npy")) == list(range(120))


def test_negative_integers_are_integers(tmp_path: Path) -> None:
    root = touch(tmp_path, "s_-2.npy", "s_-10.npy", "s_3.npy")
    assert find_keys(root, templates("s_{key}.npy")) == [-10, -2, 3]


@pytest.mark.parametrize("other", ["007", "a", "1.5", "٣", "12345678901234567890"])
def test_one_other_key_makes_all_of_them_text(tmp_path: Path, other: str) -> None:
    root = touch(tmp_path, "s_2.npy", "s_10.npy", f"s_{other}.npy")
    keys = find_keys(root, templates("s_{key}.npy"))
    assert sorted(map(str, keys)) == sorted(["2", "10", other])
    assert all(isinstance(key, str) for key in keys)


def test_numbers_in_text_are_compared_as_numbers(tmp_path: Path) -> None:
    root = touch(tmp_path, "b1.npy", "a10.npy", "a2.npy", "a02.npy", "a.npy")
    assert find_keys(root, templates("{key}.npy")) == ["a", "a02", "a2", "a10", "b1"]


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    root = touch(tmp_path, "s_1.npy", "s_2.npy.bak", "readme.md", "s_.npy", "S_3.npy", "d/s_4.npy")
    (tmp_path / "s_5.npy").mkdir()
    assert find_keys(root, templates("s_{key}.npy")) == [1]


def test_special_characters_of_a_template_are_plain(tmp_path: Path) -> None:
    root = touch(tmp_path, "s+(1).npy", "ss1.npy")
    assert find_keys(root, templates("s+({key}).npy")) == [1]


def test_keys_may_name_folders(tmp_path: Path) -> None:
    root = touch(tmp_path, "p/1/s_1.npy", "p/2/s_2.npy", "p/3/s_4.npy", "p/s_5.npy", "q/6/s_6.npy")
    assert find_keys(root, templates("p/{key}/s_{key}.npy")) == [1, 2]


def test_a_key_twice_in_a_name_is_the_same_key(tmp_path: Path) -> None:
    root = touch(tmp_path, "1_1.npy", "1_2.npy")
    assert find_keys(root, templates("{key}_{key}.npy")) == [1]


def test_a_file_belongs_to_the_closest_template(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.npy", "a_mask.npy", "b.npy", "b_mask.npy")
    assert find_keys(root, templates("{key}.npy", "{key}_mask.npy")) == ["a", "b"]


def test_templates_of_one_file_need_it_once(tmp_path: Path) -> None:
    root = touch(tmp_path, "1.json")
    assert find_keys(root, templates("{key}.json:a", "{key}.json:b")) == [1]


def test_missing_partners_are_counted_and_named(tmp_path: Path) -> None:
    names = [f"s_{k}.npy" for k in range(20)] + [f"m_{k}.json" for k in range(8, 21)]
    root = touch(tmp_path, *names)
    with pytest.raises(AlignmentError) as caught:
        find_keys(root, templates("s_{key}.npy", "m_{key}.json:x"))
    text = str(caught.value)
    assert "9 keys lack a file" in text
    assert "no 'm_{key}.json' for '0', '1', '2', '3', '4', '5' and 2 more" in text
    assert "no 's_{key}.npy' for '20'" in text
    assert "keys=" in text


def test_no_file_at_all_says_what_is_there(tmp_path: Path) -> None:
    root = touch(tmp_path, "sensor-1.npy", "sensor-2.npy")
    with pytest.raises(ArgumentError, match="no file fits") as caught:
        find_keys(root, templates("sensor_{key}.npy"))
    assert "'sensor-1.npy', 'sensor-2.npy'" in str(caught.value)


def test_an_empty_folder_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="an empty folder"):
        find_keys(str(tmp_path), templates("{key}.npy"))


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    touch(tmp_path, "secret/s_1.npy", "root/s_1.npy", "root/deep/s_2.npy")
    return tmp_path


def test_a_link_inside_is_followed(outside: Path) -> None:
    (outside / "root" / "s_2.npy").symlink_to(outside / "root" / "deep" / "s_2.npy")
    assert find_keys(str(outside / "root"), templates("s_{key}.npy")) == [1, 2]


def test_a_link_to_nothing_is_no_file(outside: Path) -> None:
    (outside / "root" / "s_2.npy").symlink_to(outside / "root" / "none")
    assert find_keys(str(outside / "root"), templates("s_{key}.npy")) == [1]


def test_a_link_that_leaves_root_is_refused(outside: Path) -> None:
    (outside / "root" / "s_2.npy").symlink_to(outside / "secret" / "s_1.npy")
    with pytest.raises(SourceError, match="leaves its root"):
        find_keys(str(outside / "root"), templates("s_{key}.npy"))


@pytest.mark.parametrize("text", ["linked/s_{key}.npy", "{key}/s_1.npy"])
def test_a_linked_folder_that_leaves_root_is_refused(outside: Path, text: str) -> None:
    (outside / "root" / "linked").symlink_to(outside / "secret")
    with pytest.raises(SourceError, match="leaves its root"):
        find_keys(str(outside / "root"), templates(text))


def test_given_keys_that_are_there_pass(outside: Path) -> None:
    (outside / "root" / "s_2.npy").symlink_to(outside / "root" / "deep" / "s_2.npy")
    check_files(str(outside / "root"), templates("s_{key}.npy"), ["2", "1", "1"])


def test_given_keys_may_lead_into_folders(outside: Path) -> None:
    check_files(str(outside / "root"), templates("{key}.npy"), ["deep/s_2", "s_1"])


def test_given_keys_without_a_file_are_named(outside: Path) -> None:
    with pytest.raises(AlignmentError, match="1 key lacks a file") as caught:
        check_files(str(outside / "root"), templates("s_{key}.npy"), ["1", "01"])
    assert "no 's_{key}.npy' for '01'" in str(caught.value)
    assert "'s_1.npy'" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{key}.npy", "../secret/s_1"),
        ("{key}.npy", "deep/../../secret/s_1"),
        ("{key}/s_1.npy", ".."),
        ("{key}/s_1.npy", "../secret"),
        ("{key}.npy", "s_1\0"),
        ("linked/s_{key}.npy", "1"),
        ("{key}.npy", "linked/s_1"),
        ("s_{key}.npy", "link"),
    ],
)
def test_given_keys_that_leave_root_are_refused(outside: Path, text: str, key: str) -> None:
    (outside / "root" / "linked").symlink_to(outside / "secret")
    (outside / "root" / "s_link.npy").symlink_to(outside / "secret" / "s_1.npy")
    with pytest.raises(SourceError, match=r"leaves its root|not a path"):
        check_files(str(outside / "root"), templates(text), [key])


def test_an_absolute_key_is_refused(outside: Path) -> None:
    with pytest.raises(SourceError, match="leaves its root"):
        check_files(
            str(outside / "root"), templates("{key}.npy"), [str(outside / "secret" / "s_1")]
        )


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    touch(tmp_path, "s_1.npy")
    os.mkfifo(tmp_path / "s_2.npy")
    assert find_keys(str(tmp_path), templates("s_{key}.npy")) == [1]
    with pytest.raises(AlignmentError):
        check_files(str(tmp_path), templates("s_{key}.npy"), ["2"])
