"""paths: a manifest's path stays inside its root folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from multiseq import paths
from multiseq.errors import SourceError


def inside(root: str | Path, relative: str | Path) -> Path:
    """Joins, and checks that opening agrees: it opens that file, or fails likewise."""
    try:
        path = Path(paths.inside(root, relative))
    except SourceError:
        with pytest.raises(SourceError):
            paths.open_inside(root, relative)
        raise
    if path.is_file():
        fd = paths.open_inside(root, relative)
        assert os.path.samestat(os.fstat(fd), path.stat())
        os.close(fd)
    else:
        with pytest.raises(OSError):  # noqa: PT011 (of whichever kind)
            os.read(paths.open_inside(root, relative), 1)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "images" / "a.txt").write_text("a")
    (tmp_path / "data-secret").mkdir()
    (tmp_path / "data-secret" / "s.txt").write_text("s")
    return tmp_path / "data"


def test_joins(root: Path) -> None:
    assert inside(root, "images/a.txt") == root / "images" / "a.txt"


def test_takes_text_and_paths(root: Path) -> None:
    assert inside(str(root), Path("images/a.txt")) == root / "images" / "a.txt"


def test_a_missing_file_is_left_to_the_reader(root: Path) -> None:
    assert inside(root, "images/none.txt") == root / "images" / "none.txt"


@pytest.mark.parametrize(
    "path",
    [
        "../data-secret/s.txt",
        "images/../../data-secret/s.txt",
        "none/../../data-secret/s.txt",
        "..",
        "/etc/passwd",
        "//etc/passwd",
        "./../data-secret/s.txt",
    ],
)
def test_leaving_is_refused(root: Path, path: str) -> None:
    with pytest.raises(SourceError, match="leaves its root"):
        inside(root, path)


def test_a_sibling_whose_name_begins_alike_is_outside(root: Path) -> None:
    with pytest.raises(SourceError, match="leaves its root"):
        inside(root, root.parent / "data-secret" / "s.txt")


def test_an_absolute_path_is_not_mistaken_for_one_below_the_root(root: Path) -> None:
    outside = root.parent / "data-secret" / "s.txt"
    mirror = root / outside.relative_to(outside.anchor)
    mirror.parent.mkdir(parents=True)
    mirror.write_text("same path, below the root")
    with pytest.raises(SourceError, match="leaves its root"):
        inside(root, outside)


def test_an_absolute_path_inside_is_accepted(root: Path) -> None:
    assert inside(root, root / "images" / "a.txt") == root / "images" / "a.txt"


def test_up_and_down_again_inside_is_accepted(root: Path) -> None:
    assert inside(root, "images/../images/a.txt").read_text() == "a"


@pytest.mark.parametrize("target", ["../../data-secret/s.txt", "../../data-secret/none.txt"])
def test_a_link_to_outside_is_refused(root: Path, target: str) -> None:
    (root / "images" / "link.txt").symlink_to(target)
    with pytest.raises(SourceError, match="leaves its root"):
        inside(root, "images/link.txt")


def test_a_linked_folder_to_outside_is_refused(root: Path) -> None:
    (root / "linked").symlink_to(root.parent / "data-secret", target_is_directory=True)
    for path in ("linked/s.txt", "linked/none.txt", "linked/none/deeper.txt"):
        with pytest.raises(SourceError, match="leaves its root"):
            inside(root, path)


def test_up_from_a_linked_folder_is_judged_by_where_the_link_leads(root: Path) -> None:
    (root.parent / "far" / "deep").mkdir(parents=True)
    (root / "linked").symlink_to(root.parent / "far" / "deep", target_is_directory=True)
    with pytest.raises(SourceError, match="leaves its root"):
        inside(root, "linked/../a.txt")


def test_a_link_that_stays_inside_is_accepted(root: Path) -> None:
    (root / "link.txt").symlink_to("images/a.txt")
    assert inside(root, "link.txt").read_text() == "a"


def test_the_root_may_be_a_link(root: Path) -> None:
    (root.parent / "alias").symlink_to(root, target_is_directory=True)
    assert inside(root.parent / "alias", "images/a.txt").read_text() == "a"
    assert inside(root.parent / "alias", root / "images" / "a.txt").read_text() == "a"


def test_a_relative_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    assert inside("data", "images/a.txt").read_text() == "a"
    assert inside(".", "data/images/a.txt").read_text() == "a"
    with pytest.raises(SourceError, match="leaves its root"):
        inside("data", "../data-secret/s.txt")


def test_a_loop_of_links_is_no_endless_loop(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    assert inside(root, "loop/a.txt") == root / "loop" / "a.txt"


@pytest.mark.parametrize("value", [None, float("nan"), 3, b"a.txt", "a\0.txt"])
def test_what_is_no_path(root: Path, value: object) -> None:
    with pytest.raises(SourceError, match="not a path"):
        inside(root, value)  # type: ignore[arg-type]


def test_the_message_says_where_the_path_leads(root: Path) -> None:
    with pytest.raises(SourceError) as caught:
        inside(root, "../data-secret/s.txt")
    assert os.path.realpath(root.parent / "data-secret" / "s.txt") in str(caught.value)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    for attempt in (paths.open_regular, lambda path: paths.open_inside(tmp_path, path.name)):
        with pytest.raises(SourceError, match="no regular file"):
            attempt(tmp_path / "p")


def test_a_file_that_cannot_be_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(fd: int) -> None:
        raise OSError("disk full")

    paths.write_whole(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(SourceError, match="cannot be written"):
        paths.write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
