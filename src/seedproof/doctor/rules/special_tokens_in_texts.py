"""Special tokens that are written out in texts."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts


class SpecialTokensInTexts(Rule):
    """A text holds what the tokenizer reads as a special token."""

    id = "special-tokens-in-texts"
    severity = "warning"
    what = "Texts hold literal special tokens of the tokenizer, such as [SEP] or </s>, which it reads as such."
    why = (
        "The model sees the end of a text, or padding, in the middle of it: [SEP] in a text looks like the border between two, "
        "and the segment ids do not follow it."
    )
    source = "transformers, PreTrainedTokenizerBase (split_special_tokens)"
    change = "Write them otherwise, or tokenize with split_special_tokens=True; give pairs as two texts, not joined by [SEP]."
    needs = ("data", "model")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding with the number of examples and the commonest of the tokens that were read."""
        from seedproof.models.loading import load_tokenizer

        tokenizer = load_tokenizer(facts.source)
        tokens = [token for token in tokenizer.all_special_tokens if token != tokenizer.unk_token]
        counts = dict.fromkeys(tokens, 0)
        examples = first = 0
        for number, text in enumerate(_texts(facts), 1):
            held = [token for token in tokens if token in text]
            ids = set(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]) if held else set()
            read = [token for token in held if tokenizer.convert_tokens_to_ids(token) in ids]
            for token in read:
                counts[token] += 1
            examples += bool(read)
            first = first or (number if read else 0)
        if examples:
            listed = ", ".join(f"{token} in {count}" for token, count in counts.items() if count)
            yield self.found(
                f"{examples:,} texts hold special tokens of {facts.source.name}: {listed}",
                numbers={"texts": examples, "first": first},
            )


def _texts(facts: Facts) -> Iterable[str]:
    for split in (facts.task.train, *facts.task.evaluation_splits.values()):
        yield from split.texts
        yield from split.pairs or ()
