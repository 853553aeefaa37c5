"""The protocol: what is cut, what is asked, and that it depends on text, tokenizer and seed alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from transformers import BertJapaneseTokenizer, BertTokenizer

from seedproof.errors import UserError
from seedproof.measure.masking import Masking, _pieces, mask_text, read_lines
from seedproof.miniature.corpus import held_out_text
from seedproof.miniature.tokenizer import make_tokenizer

LINES = held_out_text(2000)


def masked(lines=LINES, length=64, family="bert", **options):
    return mask_text(lines, make_tokenizer(family), Masking(**options), length)


def joined(rows) -> np.ndarray:
    return np.concatenate(rows)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_the_shares_are_those_asked_for(family):
    tokenizer = make_tokenizer(family)
    text = masked(family=family, mlm_probability=0.3, mask_replace_prob=0.6, random_replace_prob=0.3)
    before, after, asked = joined(text.original), joined(text.masked), joined(text.asked)
    special = np.isin(before, tokenizer.all_special_ids)
    assert not (asked & special).any()
    assert (before == after)[~asked].all()
    assert asked[~special].mean() == pytest.approx(0.3, abs=0.01)  # 23,000 tokens: three standard errors
    assert (after == tokenizer.mask_token_id)[asked].mean() == pytest.approx(0.6, abs=0.02)
    replaced = asked & (after != tokenizer.mask_token_id) & (after != before)
    assert replaced.sum() / asked.sum() == pytest.approx(0.3, abs=0.02)
    assert not np.isin(after[replaced], tokenizer.all_special_ids).any()
    assert len(set(after[replaced])) > 130  # of 142 words


def test_a_tokenizer_in_python_cuts_as_a_fast_one_does(tmp_path):
    """It drops what is behind the first piece of a line: 14 of these 20 letters."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    slow = BertJapaneseTokenizer(
        str(tmp_path / "vocab.txt"), word_tokenizer_type="basic", subword_tokenizer_type="character"
    )
    fast = BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    lines = ["a b c d e f g h i j a b c d e f g h i j", "a ? c", "a b c d e f"]
    found, expected = (_pieces(lines, each, 8) for each in (slow, fast))
    assert not slow.is_fast
    assert [len(ids) for ids, _ in found] == [8, 8, 8, 4, 5, 8]
    for (ids, special), (right, right_special) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ids, right)
        np.testing.assert_array_equal(special, right_special)


def test_masks_depend_on_the_seed_alone():
    one, two, other = masked(), masked(), masked(seed=1)
    assert (joined(one.masked) == joined(two.masked)).all()
    assert len(joined(one.asked)) != len(joined(other.asked)) or (joined(one.asked) != joined(other.asked)).any()
    # What stands in a token's place is drawn apart from which tokens are asked for.
    assert (joined(one.asked) == joined(masked(mask_replace_prob=0.1, random_replace_prob=0.9).asked)).all()


def test_batches_hold_every_sequence_once():
    text = masked(LINES[:50])
    batches = text.batches(7)
    assert sum(len(batch.targets) for batch in batches) == joined(text.asked).sum()
    assert sorted(joined([batch.targets.numpy() for batch in batches])) == sorted(
        joined(text.original)[joined(text.asked)]
    )
    lengths = [batch.input_ids.shape[1] for batch in batches]
    assert lengths == sorted(lengths)
    for batch in batches:
        assert (batch.input_ids[batch.attention_mask == 0] == text.pad_id).all()
        assert not batch.asked[batch.attention_mask == 0].any()


def test_long_lines_are_cut_into_consecutive_pieces():
    line = " ".join(LINES[:20])
    tokenizer = make_tokenizer("bert")
    whole = tokenizer(line, add_special_tokens=False)["input_ids"]
    pieces = masked([line], length=32, mlm_probability=1.0).original
    assert all(len(piece) == 32 for piece in pieces[:-1])
    assert [piece[[0, -1]].tolist() for piece in pieces] == [[tokenizer.cls_token_id, tokenizer.sep_token_id]] * len(
        pieces
    )
    assert joined([piece[1:-1] for piece in pieces]).tolist() == whole


def test_blank_lines_and_headings_are_left_out(tmp_path):
    path = tmp_path / "wiki.raw"
    path.write_text(
        " \n = Robert Boulter = \n \n A film @-@ actor = one . \n = = Career = = \n\n Born in 1985 . \n",
        encoding="utf-8",
    )
    assert read_lines(path) == ["A film @-@ actor = one .", "Born in 1985 ."]
    assert read_lines(str(path)) == read_lines(path.read_text(encoding="utf-8").split("\n"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no-such-file.txt", "no text file"),
        (f"{__file__}/below-a-file.txt", "no text file"),
        (["", " = Title = "], "no line of prose"),
        ([], "no line of prose"),
        (["a", 3], "item 1 is 3"),
    ],
)
def test_texts_that_cannot_be_used(text, message):
    with pytest.raises(UserError, match=message):
        read_lines(text)


def test_a_text_in_another_language_has_nothing_to_predict():
    with pytest.raises(UserError, match="does not know their words"):
        masked(["Dies ist kein Satz der kleinen Sprache"], mlm_probability=1.0)
    assert not (joined(masked(["the xylophone sleeps"], mlm_probability=1.0).asked)[2]).any()


def test_no_room_for_a_word():
    with pytest.raises(UserError, match="max_length = 2"):
        masked(length=2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mlm_probability": 0.0},
        {"mlm_probability": 1.2},
        {"mask_replace_prob": 0.9, "random_replace_prob": 0.2},
        {"random_replace_prob": -0.1},
        {"mask_replace_prob": math.nan},
        {"seed": -1},
    ],
)
def test_probabilities_outside_their_range(wrong):
    with pytest.raises(UserError, match="give"):
        Masking(**wrong)
