"""How whole texts become ids, as a model that is served can do it too."""

from __future__ import annotations

from ...transforms import Vocabulary
from ...wording import Texts
from .tokenizers import Splitter, layer_options, words

__all__ = ["whole_texts"]


def whole_texts(
    split: Splitter,
    vocabulary: Vocabulary | None,
    length: int | None,
    pads_first: bool,
    cuts_first: bool,
    pad_id: int,
) -> Texts | None:
    """Returns how ids are made; None where a model does not give the same for any text.

    Args:
        split: Makes tokens of texts.
        vocabulary: Gives them their ids, where `split` does not.
        length: Of the ids.
        pads_first: Whether padding is at the beginning.
        cuts_first: Whether texts are cut there.
        pad_id: The id of padding.
    """
    form = (length, pads_first, cuts_first, pad_id)
    options = layer_options(split)
    if options is not None:
        found = Texts({**options, "output_sequence_length": length}, {}, 0, *form)
    elif split is words and vocabulary is not None and vocabulary.num_oov == 1:
        known = [vocabulary.mask, *vocabulary.categories]
        mine = [each for each in known if isinstance(each, str) and words([each]) == [[each]]]
        ids = dict(zip(mine, vocabulary.transform(mine).tolist(), strict=True))
        found = Texts(None, ids, 0 if vocabulary.mask is None else 1, *form)
    else:
        return None
    return found if found.in_keras else None
