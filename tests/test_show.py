"""`show`: what is drawn is what the model gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from shown import images, lines, overlaps, words

import multiseq as ms
from multiseq.errors import NotAdaptedError


def photos(n: int = 6, dtype: str = "float32", top: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.asarray(rng.uniform(0, top, (n, 12, 16, 3))).astype(dtype)


def test_a_batch_is_drawn_as_the_model_gets_it() -> None:
    pixels, y = photos(), np.arange(6)
    seq = ms.ArraySequence({"image": pixels}, y, keys=list("abcdef"), batch_size=4, shuffle=True)
    figure = seq.show(1)
    (inputs, targets), keys = seq[1], seq.batch_keys(1)
    for drawn, image in zip(images(figure), inputs["image"], strict=True):
        np.testing.assert_allclose(drawn, image, atol=1e-6)
    said = words(figure)
    assert all(f"target: {target}" in said for target in targets)
    assert all(f"\n{key}\n" in said for key in keys)
    assert "batch 1 of 2, epoch 0, shuffled" in said
    assert "(12, 16, 3) float32" in said
    assert overlaps(figure) == []


def test_the_epoch_is_the_current_one_and_stays_so() -> None:
    seq = ms.ArraySequence(photos(), batch_size=2, shuffle=True, seed=1)
    seq.set_epoch(3)
    drawn = images(seq.show())
    np.testing.assert_allclose(drawn, seq[0][0], atol=1e-6)
    assert seq.epoch == 3


def test_n_is_at_most_the_batch() -> None:
    seq = ms.ArraySequence(photos(), batch_size=4)
    assert len(images(seq.show(n=3))) == 3
    assert len(images(seq.show(n=100))) == 4
    assert len(images(seq.show(-1))) == 2
    assert "3 of its 4 samples" in words(seq.show(n=3))


@pytest.mark.parametrize(
    ("pixels", "said", "low", "high"),
    [
        (photos(dtype="uint8", top=256), "uint8", 0, 255),
        (photos(top=255), "drawn from 0 to 255", 0, 255),
        (photos(top=2) - 1, "drawn from -1 to 1", -1, 1),
        (photos(top=1 / 255), "0.00392", 0, 1),
    ],
    ids=["levels", "floats of levels", "around 0", "scaled twice"],
)
def test_how_pixels_were_scaled_is_said(pixels: Any, said: str, low: float, high: float) -> None:
    figure = ms.ArraySequence(pixels, batch_size=4).show()
    assert said in words(figure).replace("\n", " ")
    wanted = (pixels[:4].astype(float) - low) / (high - low)
    np.testing.assert_allclose(images(figure), wanted, atol=1e-6)


def test_standardized_pixels_fill_the_range_and_say_so() -> None:
    figure = ms.ArraySequence(photos(top=8) - 4, batch_size=4).show()
    drawn = np.asarray(images(figure))
    assert drawn.min() == 0
    assert drawn.max() == 1
    assert "drawn from -3.9" in words(figure)


def test_nan_is_said() -> None:
    pixels = photos()
    pixels[0, 0, 0, 0] = np.nan
    assert "1 NaN" in words(ms.ArraySequence(pixels, batch_size=4).show())


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "bool"])
def test_masks_lie_over_their_images(dtype: str) -> None:
    masks = np.zeros((6, 12, 16, 1), dtype)
    masks[:, 3:6, 4:9] = 1
    figure = ms.ArraySequence({"image": photos()}, {"mask": masks}, batch_size=2).show()
    for axes in figure.axes:
        veil = np.asarray(axes.images[1].get_array())
        np.testing.assert_array_equal(veil[..., 3] > 0, masks[0, ..., 0] > 0)
    said = words(figure)
    assert "image + mask" in said
    assert "class 1" in said


def test_masks_of_ones_among_zeros() -> None:
    classes = np.zeros((6, 12, 16), int)
    classes[:, 3:6, 4:9] = 2
    seq = ms.ArraySequence({"image": photos()}, {"mask": np.eye(3)[classes]}, batch_size=2)
    figure = seq.show()
    for axes in figure.axes:
        veil = np.asarray(axes.images[1].get_array())
        np.testing.assert_array_equal(veil[..., 3] > 0, classes[0] > 0)
    assert "class 2" in words(figure)


def test_classes_of_masks_and_numbers_have_their_names() -> None:
    class Scenes(ms.MultiInputSequence):
        def __init__(self) -> None:
            self.labels = ms.Labels().adapt(["cat", "road", "sky"])
            self.size = ms.Standardize().adapt([150.0, 170.0])
            super().__init__(2)

        @property
        def transforms(self) -> Any:
            return {"mask": self.labels, "size": self.size}

        def load_sample(self, index: int) -> Any:
            mask = np.full((12, 16), "cat")
            mask[:4] = "sky"
            inputs = {"image": photos()[index], "size": self.size(150.0)}
            return inputs, {"mask": self.labels(mask)}

    said = words(Scenes().show()).splitlines()
    assert "sky" in said
    assert "size: -1 (150)" in said


def test_what_is_no_mask_is_a_picture_of_its_own() -> None:
    blurred = photos()[..., :1]
    figure = ms.ArraySequence({"image": photos()}, {"blurred": blurred}, batch_size=2).show()
    assert len(images(figure)) == 4
    assert all(len(axes.images) == 1 for axes in figure.axes)


def test_a_mask_that_was_scaled_is_seen_to_be_none() -> None:
    masks = np.zeros((6, 12, 16, 1), "float32")
    masks[:, 3:6] = 3 / 255
    figure = ms.ArraySequence({"image": photos()}, {"mask": masks}, batch_size=2).show()
    assert "image + mask" not in words(figure)
    assert "0.01176" in words(figure)


def test_channels_that_are_first_or_many() -> None:
    first = ms.ArraySequence(np.moveaxis(photos(), -1, 1), batch_size=2).show()
    np.testing.assert_allclose(images(first), photos()[:2], atol=1e-6)
    assert "channels first" in words(first)
    many = ms.ArraySequence(np.zeros((3, 12, 16, 7), "float32"), batch_size=2).show()
    assert "channel 0 of 7 drawn" in words(many)


def test_targets_by_class() -> None:
    hot = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
    figure = ms.ArraySequence({"x": np.arange(4.0)}, hot, batch_size=4).show()
    assert [line for line in words(figure).splitlines() if line.startswith("class ")] == [
        *("class 0", "class 2", "class 1", "class 1")
    ]


def test_weights_are_shown() -> None:
    seq = ms.ArraySequence({"x": np.arange(4.0)}, [0, 1, 1, 1], class_weight={0: 7.5}, batch_size=4)
    said = words(seq.show())
    assert "weight" in said
    assert "7.5" in said


def table() -> ms.TableSequence:
    frame = pd.DataFrame(
        {"height": [150.0, 160, 170, 180], "city": ["Rome", "Oslo", "Rome", "Paris"], "y": range(4)}
    )
    seq = ms.TableSequence(frame, "y", numeric=["height"], categorical=["city"], batch_size=4)
    seq.adapt(progress=False)
    return seq


def test_rows_of_tables_have_their_names() -> None:
    figure = table().show()
    said = words(figure)
    for text in ("height", "city", "Rome (1)", "Oslo (2)", "Paris (3)", "-1.342 (150)"):
        assert text in said
    assert overlaps(figure) == []


def test_text_is_written_in_words_without_padding() -> None:
    texts = ["a cat and $5 and $6", "the dog runs"]
    words_of = ms.Vocabulary(mask="")
    seq = ms.TextSequence(texts, tokenizer=words_of, max_length=9)
    seq.adapt(progress=False)
    said = words(seq.show()).splitlines()
    assert "a cat and 5 and 6" in said
    assert "the dog runs" in said


@pytest.mark.parametrize("past", [ms.Standardize, lambda: None], ids=["standardized", "plain"])
def test_windows_go_on_with_what_is_foretold(past: Any) -> None:
    frame = pd.DataFrame({"flow": np.arange(40.0) + 100, "rain": np.arange(40.0) % 3})
    transform = past()
    seq = ms.WindowSequence(
        frame,
        length=6,
        horizon=3,
        features=["flow", "rain"],
        targets="flow",
        transforms={} if transform is None else {"past": transform},
        batch_size=2,
    )
    seq.adapt(progress=False)
    flow, rain, *_ = lines(seq.show())
    np.testing.assert_allclose(flow[0], np.arange(100.0, 106), rtol=1e-5)
    np.testing.assert_allclose(flow[1], np.arange(106.0, 109), rtol=1e-5)
    np.testing.assert_allclose(rain[0], np.arange(6) % 3, atol=1e-5)
    assert ("drawn in original units" in words(seq.show())) == (transform is not None)


def test_stages_of_one_sample() -> None:
    def dimmed(sample: Any, rng: np.random.Generator) -> Any:
        (inputs, target) = sample
        return {"image": inputs["image"] * rng.uniform()}, target

    seq = ms.ArraySequence({"image": photos()}, np.arange(6), augment=dimmed, batch_size=4)
    figure = seq.show(stages=True, n=2)
    raw, first, second = images(figure)
    np.testing.assert_allclose(raw, photos()[0], atol=1e-6)
    np.testing.assert_allclose(first, seq[0][0]["image"][0], atol=1e-6)
    seq.set_epoch(1)
    np.testing.assert_allclose(second, seq[0][0]["image"][0], atol=1e-6)
    said = words(figure)
    assert "augmented, epoch 1" in said
    assert "nothing is transformed" in said.replace("\n", " ")
    assert overlaps(figure) == []


def test_stages_show_what_map_and_augment_batch_make_of_a_sample() -> None:
    def halved(sample: Any) -> Any:
        image, target = sample
        return image / 2, target

    def blend(batch: Any, rng: np.random.Generator) -> Any:
        image, target = batch
        return (image + image[::-1]) * rng.uniform(), target

    given: dict[str, Any] = {
        "transforms": {"inputs": lambda image: image / 4},
        "map": halved,
        "batch_size": 4,
    }
    seq = ms.ArraySequence(photos(), np.arange(6), augment_batch=blend, **given)
    figure = seq.show(1, stages=True, n=2)
    raw, transformed, mapped, first, second = images(figure)
    np.testing.assert_allclose(raw, photos()[4], atol=1e-6)
    np.testing.assert_allclose(transformed, photos()[4] / 4, atol=1e-6)
    np.testing.assert_allclose(mapped, photos()[4] / 8, atol=1e-6)
    np.testing.assert_allclose(first, seq[1][0][0], atol=1e-6)
    seq.set_epoch(1)
    np.testing.assert_allclose(second, seq[1][0][0], atol=1e-6)
    said = words(figure).replace("\n", " ")
    assert "after map" in said
    assert "after augment_batch, epoch 1" in said
    assert "augmented, epoch" not in said
    assert overlaps(figure) == []


def test_stages_show_augment_between_map_and_augment_batch() -> None:
    def fail(batch: Any, rng: np.random.Generator) -> Any:
        raise ValueError("no batch like this")

    def dimmed(sample: Any, rng: np.random.Generator) -> Any:
        return sample[0] * rng.uniform(), sample[1]

    seq = ms.ArraySequence(photos(), np.arange(6), augment=dimmed, augment_batch=fail)
    said = words(seq.show(stages=True, n=1)).replace("\n", " ")
    assert "augmented, epoch 0" in said
    assert "no batch like this" in said


def test_stages_show_values_before_they_were_transformed() -> None:
    said = words(table().show(stages=True)).splitlines()
    assert "150" in said
    assert "-1.342 (150)" in said
    assert "Rome" in said
    assert "Rome (1)" in said


def test_stages_of_windows_show_them_in_their_own_units() -> None:
    frame = pd.DataFrame({"flow": np.arange(40.0) + 100})
    seq = ms.WindowSequence(
        frame,
        length=6,
        horizon=3,
        features=["flow"],
        targets="flow",
        transforms={"past": ms.Standardize(), "targets": ms.MinMax()},
    )
    seq.adapt(progress=False)
    raw, transformed = lines(seq.subset(positions=[4]).show(stages=True))
    np.testing.assert_allclose(np.concatenate(raw), np.arange(104.0, 113), rtol=1e-5)
    inputs, targets = seq.sample(4)
    made = [*inputs["past"][:, 0], *targets]
    np.testing.assert_allclose(np.concatenate(transformed), made, rtol=1e-5)


def test_parts_one_after_the_other_keep_their_kinds() -> None:
    one = table()
    both = ms.concat(one, one, keys=["old", "new"], batch_size=8)
    both.adapt(progress=False)
    said = words(both.show(stages=True)).splitlines()
    assert {"150", "-1.342 (150)", "Rome", "Rome (1)"} <= set(said)
    assert "new · 3" in words(both.show()).splitlines()


def test_a_join_has_the_kinds_of_its_parts() -> None:
    frame = pd.DataFrame({"height": [150.0, 160, 170, 180]})
    rows = ms.TableSequence(frame, numeric=["height"])
    both = ms.join(facts=rows, image=ms.ArraySequence(photos(4)), targets=[3, 1, 2, 0])
    both.adapt(progress=False)
    figure = both.show(stages=True)
    said = words(figure).splitlines()
    assert {"height", "150", "-1.342 (150)"} <= set(said)
    assert overlaps(figure) == []


def test_stages_before_adapt_show_what_there_is() -> None:
    frame = pd.DataFrame({"height": [150.0, 160], "y": [0, 1]})
    seq = ms.TableSequence(frame, "y", numeric=["height"])
    said = words(seq.show(stages=True)).replace("\n", " ")
    assert "150" in said
    assert "adapt" in said
    with pytest.raises(NotAdaptedError, match="adapt"):
        seq.show()
