"""`pairs` and `triplets`: samples of a sequence that are to be compared, drawn anew each epoch."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any, Self, Unpack

import numpy as np
import numpy.typing as npt

from .combined import CombinedSequence
from .errors import ArgumentError, few, naming
from .keys.hashing import hash_numbers
from .members import Lacking, Member, SequenceMember
from .order import Draw, Indices
from .partners import of_another_class, of_one_class, positives
from .samples import Leaves, Sample, Spec, Structure, outline
from .sequence import MultiInputSequence
from .settings import BaseKeywords, Settings

__all__ = ["ComparingSequence", "pairs", "triplets"]

_log = logging.getLogger("multiseq")

_PLAIN_EPOCH = (1 << 32) - 3  # Of what is not drawn anew.
_NOT_TAKEN_OVER = {"augment", "augment_batch", "class_weight", "name", "sampler", "share"}


def pairs(
    source: MultiInputSequence,
    labels: Any,
    *,
    positive: float = 0.5,
    **keywords: Unpack[BaseKeywords],
) -> ComparingSequence:
    """Returns pairs of samples, for a siamese model: with target 1 if they are alike, else 0.

        >>> train, test = images.split(0.8, 0.2, stratify=kinds)
        >>> model.fit(pairs(train, kinds_of_train), validation_data=pairs(test, kinds_of_test))

    Inputs are "a" and "b", each an input of `source`; if its inputs have names, "a_image",
    "b_image" and so on. An epoch has a pair for each sample, which is its "a", and goes by its key.
    The other is drawn anew in each epoch, by (seed, epoch); none comes twice where that can be
    avoided. Where nothing is augmented, as in validation, pairs are the same in every epoch.

    Split first, and make pairs of each part: so no pair reaches across. Each sample of a pair is
    augmented by itself, as `source` does it.

    Args:
        source: Whose samples, whose targets play no role; settings such as `batch_size`,
            `shuffle`, `seed`, `workers` and `augmented` are taken over.
        labels: The classes by which samples are alike: an array in source order, a Series or a
            dict by key, or the name of a level of the keys.
        positive: The share of pairs that are alike, which holds exactly in each epoch.
        **keywords: Those of `MultiInputSequence`, in place of the settings of `source`.

    Returns:
        A sequence of {"a": ..., "b": ...} and a float32 target of shape ().

    Raises:
        ArgumentError: There are too few classes, or too few samples that have another of their
            class; or `source` has settings that would be lost.
        AlignmentError: A sample has no label.
    """
    return ComparingSequence(source, labels, ("a", "b"), positive, **keywords)


def triplets(
    source: MultiInputSequence, labels: Any, **keywords: Unpack[BaseKeywords]
) -> ComparingSequence:
    """Returns triplets: a sample, another of its class, and one of another class.

    Inputs are "anchor", "positive" and "negative", without targets; the rest is as in `pairs`. A
    sample that is alone in its class is no anchor, which is reported.

    Args:
        source: Whose samples.
        labels: Their classes, as in `pairs`.
        **keywords: Those of `MultiInputSequence`, in place of the settings of `source`.

    Raises:
        ArgumentError: There is one class alone, or no class of two samples; or `source` has
            settings that would be lost.
        AlignmentError: A sample has no label.
    """
    return ComparingSequence(source, labels, ("anchor", "positive", "negative"), **keywords)


class ComparingSequence(CombinedSequence):
    """Samples of a sequence beside others of it; made by `pairs` and `triplets`.

    Args:
        source: Whose samples.
        labels: Their classes.
        roles: The names of the inputs.
        positive: See `pairs`; without a part in triplets.
        **keywords: Those of `MultiInputSequence`.
    """

    def __init__(
        self,
        source: MultiInputSequence,
        labels: Any,
        roles: tuple[str, ...],
        positive: float = 0.5,
        **keywords: Unpack[BaseKeywords],
    ) -> None:
        _check_source(source, positive)
        with naming(source.called):
            classes = source._per_sample(labels, "labels")
        codes, names = classes.factorize()
        self._codes, self._roles = codes.astype(np.int64), roles
        counts = np.bincount(codes)
        paired = len(roles) == 2
        self._count = round(positive * len(codes)) if paired else len(codes)
        self._anchors = np.arange(len(codes)) if paired else np.flatnonzero(counts[codes] > 1)
        self._check_classes(names, counts, positive if paired else None)
        inherited = {
            each.name: getattr(source._settings, each.name)
            for each in dataclasses.fields(Settings)
            if each.name not in _NOT_TAKEN_OVER
        }
        if keywords.get("sampler") is not None:
            inherited.pop("shuffle")
        super().__init__(source.keys[self._anchors], **(inherited | dict(keywords)))
        self._settings = self._settings.sharing(*source._settings.share)
        self._held_out = source._held_out
        self.parts, self._members = [source], [SequenceMember(source, None)]
        self._drawn_of: dict[tuple[int, int], Any] = {}

    def load_sample(self, index: int) -> Sample:
        """Loads the samples that go together where nothing is random."""
        return self._together(index, None)

    def load_batch(self, indices: Indices) -> Any:
        """The same of several, by the fast path of the source."""
        rows, alike = self._rows(None)
        chosen = [each[indices] for each in rows]
        return self._nested([self._members[0].columns(each) for each in chosen], alike, indices)

    def _drawn(self, index: int, draw: Draw) -> Sample:
        return self._together(index, draw)

    def _together(self, index: int, draw: Draw | None) -> Sample:
        rows, alike = self._rows(draw)
        (member,) = self._members
        leaves = [
            member.leaves(
                int(each[index]),
                None if draw is None or not member.augments else draw.of_part(number),
            )
            for number, each in enumerate(rows)
        ]
        return self._nested(leaves, alike, index)

    def _nested(self, leaves: list[Leaves], alike: Any, index: Any) -> tuple[Any, ...]:
        """Returns a sample or a batch, of the leaves of what goes together."""
        inputs = {
            self._name(role, key): leaf
            for role, each in zip(self._roles, leaves, strict=True)
            for key, leaf in zip(self._keys_of_inputs(), each, strict=False)
        }
        return (inputs,) if alike is None else (inputs, alike[index])

    def _keys_of_inputs(self) -> tuple[Any, ...]:
        return self._members[0].structure.keys("inputs") or (None,)

    @staticmethod
    def _name(role: str, key: Any) -> str:
        return role if key is None else f"{role}_{key}"

    def _given(self) -> tuple[Structure, list[Spec]]:
        """How samples are nested, and the specs of their leaves."""
        theirs = [*self._members[0].specs]
        count = len(self._keys_of_inputs())
        nested = self._nested([theirs[:count]] * len(self._roles), None, 0)
        if len(self._roles) == 2:
            nested = *nested, Spec((), "float32")
        structure = Structure(nested)
        return structure, structure.flatten(nested)

    def _rows(self, draw: Draw | None) -> tuple[list[Indices], Any]:
        """Returns which samples of the source go together, by role; and the targets, if any."""
        draw = Draw(self._settings.seed, _PLAIN_EPOCH) if draw is None else draw
        key = draw.key, draw.epoch
        if key not in self._drawn_of:
            found = self._draw_all(*key)
            kept = list(self._drawn_of.items())[-1:]  # Readers may be at the end of the last epoch.
            self._drawn_of = dict([*kept, (key, found)])
            return found
        return self._drawn_of[key]  # type: ignore[no-any-return]

    def _draw_all(self, *key: int) -> tuple[list[Indices], Any]:
        same = of_one_class(self._codes, *key)
        other = self._others(same, *key)
        if len(self._roles) > 2:
            return [self._anchors, same[self._anchors], other[self._anchors]], None
        alike = positives(same, self._count, *key)
        return [self._anchors, np.where(alike, same, other)], alike.astype(np.float32)

    def _others(self, same: Indices, *key: int) -> Indices:
        if self._codes.max() == 0:  # One class: all pairs are alike.
            return same
        return of_another_class(self._codes, *key)

    @property
    def augments(self) -> bool:
        """Whether what goes together is drawn anew in each epoch."""
        return bool(self._settings.augmented)

    @property
    def transforms(self) -> Any:
        """Those of the source, and those that are given here."""
        return {**self.parts[0].transforms, **self._given_transforms}

    @property
    def _of_inputs(self) -> set[Any]:
        return self.parts[0]._of_inputs | self._given_of_inputs

    def _members_at(self, leaf: str) -> list[tuple[Member, int]]:
        structure, _ = self._given()
        inputs = len(self._keys_of_inputs())
        names = structure.names[: inputs * len(self._roles)]
        return [(self._members[0], names.index(leaf) % inputs)] if leaf in names else []

    def _order_hashed(self) -> dict[str, str]:
        """Those of the labels too, by which partners are drawn."""
        labels = hash_numbers((self._codes, [self._count]))
        return super()._order_hashed() | {"labels": labels}

    def _learn_parts(self, stage: int, indices: Indices, progress: str | None) -> None:
        every = np.arange(len(self._codes))  # Those too that are no anchors.
        self._members[0].learn(stage, every, progress, self._settings.on_error)

    def _lacking(self, indices: Indices) -> Lacking:
        return self._members[0].lacking(np.arange(len(self._codes)))

    def _has_leaf(self, leaf: str, indices: Indices) -> npt.NDArray[np.bool_]:
        """As partners are drawn, those have it that all samples of the source have."""
        every = np.arange(len(self._codes))
        found = (member.has_leaf(n, every).all() for member, n in self._members_at(leaf))
        return np.full(len(indices), all(found))

    def for_workers(self) -> Self:
        """Returns a copy with all that loading needs."""
        other = super().for_workers()
        other._drawn_of = {}
        return other

    def _check_divides(self) -> None:
        raise ArgumentError(
            "pairs and triplets cannot be split: samples of one part would come in the other",
            fix="split the sequence that they are made of, and make pairs of each part: "
            "train, test = seq.split(0.8, 0.2); pairs(train, ...), pairs(test, ...)",
        )

    def _check_classes(self, names: Any, counts: Any, positive: float | None) -> None:
        """Raises ArgumentError where classes do not suffice; reports those of one sample."""
        alone = names[counts == 1]
        if len(names) < 2 and positive != 1:
            raise ArgumentError(
                "there is nothing to tell apart: all samples are of one class",
                got=f"labels {few(list(names))}",
                expected="at least two classes",
            )
        have = int(counts[counts > 1].sum())
        wanted = 1 if positive is None else self._count
        if have < wanted:
            raise ArgumentError(
                "too few samples have another of their class",
                got=f"{have} of {len(self._codes)}, and {len(alone)} classes of one sample: "
                f"{few(list(alone))}",
                expected=f"at least {wanted}",
                fix="use a smaller positive=, or labels that more samples share",
            )
        if len(alone) and positive is None:
            _log.warning(
                "triplets: %d samples are alone in their class, and no anchors: labels %s",
                len(alone),
                few(list(alone)),
            )


def _check_source(source: Any, positive: Any) -> None:
    """Raises ArgumentError for what is no sequence, or has settings that would be lost."""
    if not isinstance(source, MultiInputSequence):
        raise ArgumentError("pairs and triplets are made of a sequence", got=outline(source))
    if (
        isinstance(positive, bool)
        or not isinstance(positive, int | float)
        or not 0 <= positive <= 1
    ):
        raise ArgumentError("bad positive", got=positive, expected="a share from 0 to 1")
    settings = source._settings
    lost = {
        "sampler": settings.sampler is not None,
        "class_weight": settings.class_weight is not None,
        "collate": source.collates,
        "augment_batch": source.augments_batches,
    }
    for name in [name for name, is_lost in lost.items() if is_lost]:
        written = source._writes(name) if name in ("collate", "augment_batch") else False
        raise ArgumentError(
            f"a sequence that pairs are made of has {name}, which would be lost",
            fix=f"make pairs of a class that does not write {name}"
            if written
            else f"pairs(seq.replace({name}=None), ...), and give {name}= to the pairs, if at all",
        ).at(cls=source.called)
