"""A look at what the model gets."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..checks import check_count, is_equal
from ..engine.job import Job, Source, blame
from ..errors import (
    ArgumentError,
    MissingPackageError,
    MultiseqError,
    NotAdaptedError,
    SampleError,
    naming,
    said,
)
from ..order import Draw
from ..pipeline.naming import is_target
from ..plots.kinds import Kind
from ..plots.naming import kind_of
from ..samples import Structure
from ..summaries.saying import say_trouble
from ..transforms.steps import Chain
from .labelling import Labelling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Showing"]

_DRAWS = 3
_MAPPED = "after map"  # What a stage is called.


class Showing(Labelling):
    """The side of a sequence that is looked at."""

    def show(self, index: int = 0, n: int | None = None, stages: bool = False) -> Figure:
        """Draws a batch of the current epoch as the model gets it, transformed and augmented.

        There is a row for each sample, with its key: images with the masks that belong to them,
        waveforms and spectra, windows and what follows them, text made of ids, rows of tables,
        classes by name. Above each input stand its shape, its dtype and the range of its values,
        and how it was scaled to be drawn. A sample that cannot be loaded shows its error.

            >>> data.show()  # in a notebook
            >>> data.show().savefig("batch.png")
            >>> data.subset(["a", "b"]).show()  # these samples

        No window is opened, and no display is needed. Nothing is drawn by way of `pyplot`.

        Args:
            index: Of the batch; with `stages`, its first sample is shown.
            n: How many samples of it, 8 by default; with `stages`, how many draws of the
                augmentation, those of as many epochs, 3 by default.
            stages: Whether to show what becomes of one sample instead: raw, transformed, after
                `map`, augmented, and after `augment_batch`, which has the batch's others beside it.

        Returns:
            A figure of Matplotlib's, which notebooks show and `savefig` writes to a file.

        Raises:
            IndexError: There is no such batch.
            MissingPackageError: Matplotlib is not installed.
            NotAdaptedError: A transform has learned nothing yet, without which there is no batch.
            SampleError: None of the samples could be loaded.
        """
        with naming(self.called):
            _check_stages(stages)
            count = check_count("n", (_DRAWS if stages else 8) if n is None else n, 1)
            _check_matplotlib()
            view: Any = self.replace(workers=0, cluster=None)
            return _stages(view, index, count) if stages else _batch(view, index, count)

    @property
    def _leaf_kinds(self) -> Mapping[str, Kind]:
        """What inputs and targets stand for, by the names that `Structure` gives them.

        Those that are left out are told by their shape and dtype.
        """
        found = {name: kind_of(Chain(self._steps_of(name))) for name in self._names_of_steps}
        return {
            leaf: kind
            for name, kind in found.items()
            if kind is not None
            for leaf in _leaf_names(name)
        }

    @property
    def _kinds_as_served(self) -> Mapping[str, Kind]:
        """The same, after `map`: of targets that it makes, nothing is known."""
        kinds, kept = self._leaf_kinds, None
        with contextlib.suppress(MultiseqError):  # There is nothing to draw then, but why.
            kept = self._kept_by_map()
        if kept is None:
            return kinds
        before = {leaf: leaf if each is None else each.leaf for leaf, each in kept.items()}
        made = {leaf for leaf, each in kept.items() if each is None and is_target(leaf)}
        return {
            leaf: kinds[name] for leaf, name in before.items() if name in kinds and leaf not in made
        }

    def _raw_leaves(self, index: int) -> dict[str, Any]:
        """The values of a sample before they are transformed, by the names of their leaves."""
        values: dict[str, Any] = {}
        error = None
        try:
            values = _named(self._loaded(index, None), raw=True)
        except NotAdaptedError as raised:
            error = raised
        except Exception as raised:
            blame(raised, cast(Source, self), "load_sample", index)
        for name, value in _learned_from(self, index).items():
            names = [each for each in _leaf_names(name) if each in values]
            alone = "inputs" if "inputs" in values else _leaf_names(name)[0]
            values[names[0] if names else alone] = value
        values.update(self._as_read(index))
        if error is not None and not values:
            raise error
        return values

    def _as_read(self, index: int) -> dict[str, Any]:
        """The same, of those leaves that the class itself transforms, as they are read."""
        return {}


def _learned_from(seq: Showing, index: int) -> Mapping[str, Any]:
    """What the transforms of a sequence learn from, of one sample, where it is known."""
    if seq.transforms:
        with contextlib.suppress(NotImplementedError):
            return seq.raw(index)
        with contextlib.suppress(NotImplementedError):
            rows = seq.raw_rows(np.array([index]))
            return {name: values[0] for name, values in rows.items()}
    return {}


def _batch(view: Any, index: int, count: int) -> Figure:
    """Draws the first samples of a batch."""
    from ..plots.drawing import draw_batch

    keys = view.batch_keys(index)
    positions = _positions(view, index)[:count]
    batch, troubles = _loaded(view, index, positions)
    columns = {name: [row.get(name) for row in batch] for name in _names_of(batch)}
    place = (view._live or view._started()).number_of(index)
    below = [f"batch {place} of {view.num_batches}", _order(view)]
    below += [f"{len(positions)} of its {len(keys)} samples"] if len(positions) < len(keys) else []
    shown = [_key(key) for key in keys[: len(positions)].tolist()]
    return draw_batch(
        view.called, ", ".join(below), shown, columns, view._kinds_as_served, troubles
    )


def _loaded(
    view: Any, index: int, positions: Sequence[int]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Returns the values of samples by the names of their leaves, and what to say of each.

    Where a batch cannot be loaded, its samples are, one by one.
    """
    try:
        batch = view[index]
    except SampleError:
        return _one_by_one(view, positions)
    columns = _named(batch)
    rows = [{name: column[k] for name, column in columns.items()} for k in range(len(positions))]
    indices = view.source_indices(np.asarray(positions)).tolist()
    replaced = [view._substituted.get(each) for each in indices]
    return rows, [
        "" if error is None else f"another sample stands in for this one: {_told(error)}"
        for error in replaced
    ]


def _one_by_one(view: Any, positions: Sequence[int]) -> tuple[list[dict[str, Any]], list[str]]:
    rows: list[dict[str, Any]] = []
    troubles: list[str] = []
    first: SampleError | None = None
    whole = view._copy(settings={"sampler": None, "class_weight": None, "drop_last": False})
    whole._settings = whole._settings.sharing(0, 1).replace({"shuffle": False, "batch_size": 1})
    epoch = view._clock.epoch
    for position in positions:
        one = whole._copy(np.array([position]))
        one._clock.set(epoch)
        try:
            rows.append({name: column[0] for name, column in _named(one[0]).items()})
            troubles.append("")
        except SampleError as error:
            rows.append({})
            troubles.append(_told(error))
            first = first or error
    if first is not None and not any(rows):
        raise first
    return rows, troubles


def _stages(view: Any, index: int, draws: int) -> Figure:
    """Draws what becomes of the first sample of a batch."""
    from ..plots.drawing import draw_stages

    position = int(_positions(view, index)[0])
    source = int(view.source_indices(np.array([position]))[0])
    seed, epoch = view._settings.seed, view._clock.epoch
    epochs = range(epoch, epoch + draws) if view.augments else ()
    drawn = [_made(view, source, Draw(seed, each)) for each in epochs]
    stages = _transformed(view, source)
    kinds = [view._leaf_kinds if title != _MAPPED else view._kinds_as_served for title, _ in stages]
    if not view.augments_batches or any(not _are_alike(stages[-1][1], each) for each in drawn):
        stages += [(f"augmented, epoch {k}", each) for k, each in zip(epochs, drawn, strict=True)]
    if view.augments_batches:
        title = "after augment_batch, epoch"
        stages += [(f"{title} {each}", _blended(view, index, Draw(seed, each))) for each in epochs]
    key = _key(view.keys[[position]].tolist()[0])
    below = "" if view.augments else "nothing is augmented"
    kinds += kinds[-1:] * (len(stages) - len(kinds))
    return draw_stages(f"{view.called}: {key}", below, stages, kinds)


def _transformed(view: Any, source: int) -> list[tuple[str, dict[str, Any] | str]]:
    """A sample before it is augmented: raw, transformed, and as `map` makes it."""
    raw = view._raw_leaves(source)
    maps = view._pipeline is not None and view._pipeline.maps
    made = _made(_unmapped(view) if maps else view, source, None)
    if not _are_alike(raw, made):
        stages = [("raw", raw), ("transformed", made)]
    else:
        stages = [("raw" if maps else "raw: nothing is transformed", raw)]
    return [*stages, (_MAPPED, _made(view, source, None))] if maps else stages


def _unmapped(view: Any) -> Any:
    """Returns a copy that does without `map`."""
    other = copy.copy(view)
    other._pipeline = view._pipeline.unmapped
    return other


def _blended(view: Any, index: int, draw: Draw) -> dict[str, Any] | str:
    """The first sample of a batch, as `augment_batch` makes it by an epoch's random numbers."""
    indices = view.source_indices(np.asarray(_positions(view, index)))
    try:
        (batch,) = Job(view, view._layout(), indices, draw).run_all()
    except MultiseqError as error:
        return _told(error)
    return {name: column[0] for name, column in _named(batch).items()}


def _made(view: Any, source: int, draw: Draw | None) -> dict[str, Any] | str:
    """The leaves of a sample as it is made, or why it cannot be."""
    try:
        return _named(view.make_sample(source, draw))
    except MultiseqError as error:
        return _told(error)
    except Exception as error:
        return said(error)


def _positions(view: Any, index: int) -> Any:
    runtime = view._live or view._started()
    return runtime.positions(view._clock.epoch, runtime.number_of(index))


def _named(sample: Any, raw: bool = False) -> dict[str, Any]:
    """The leaves of a sample, or of a batch, by their names.

    Args:
        sample: What has them.
        raw: Whether it is not transformed yet: lists of labels, say, are leaves then.
    """
    structure = Structure(sample, raw=raw)
    return dict(zip(structure.names, structure.flatten(sample), strict=True))


def _names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _leaf_names(name: Any) -> list[str]:
    """What the leaf of a transform may be called."""
    whole = isinstance(name, str) and name.partition("[")[0] in ("inputs", "targets")
    own = [name] if whole else []
    return [*own, f"inputs[{name!r}]", f"targets[{name!r}]"]


def _key(key: Any) -> str:
    return " · ".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _order(view: Any) -> str:
    settings = view._settings
    sampler = settings.sampler
    order = "shuffled" if settings.shuffle else "in source order"
    if sampler is not None:
        order = f"by {getattr(sampler, '__name__', type(sampler).__name__)}"
    return f"epoch {view._clock.epoch}, {order}{', augmented' if view.augments else ''}"


def _told(error: MultiseqError) -> str:
    return f"{type(error).__name__}: {say_trouble(error)}"


def _are_alike(one: Mapping[str, Any] | str, other: Mapping[str, Any] | str) -> bool:
    """Whether two stages hold the same values."""
    if isinstance(one, str) or isinstance(other, str):
        return False
    return one.keys() == other.keys() and all(is_equal(one[name], other[name]) for name in one)


def _check_stages(stages: Any) -> None:
    if not isinstance(stages, bool | np.bool_):
        raise ArgumentError("bad stages", got=stages, expected="True or False")


def _check_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingPackageError(
            "drawing needs Matplotlib, which is not installed", fix='pip install "multiseq[plots]"'
        )
