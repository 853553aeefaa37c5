"""Text in the miniature language: the pre-training examples, the four tasks, and a held-out text.

Everything is drawn from explicit seeds with ``random.Random``; nothing is stored but the code. The pre-training text and
the held-out text are streams of their own, so no task sentence is ever seen with its label before fine-tuning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from seedproof.miniature.changes import (
    broken,
    other_question,
    question,
    reduced,
    say_freely,
    slots,
    truly_changed,
    with_synonyms,
)
from seedproof.miniature.grammar import CONJUNCTIONS, Event, Word, draw_event, say, text

Example = tuple[str, str | None, int]
"""Text, second text or None, label."""


def joined(rng: Random, first: Event, second: Event) -> list[Word]:
    """Two events in one sentence, joined by a conjunction."""
    head = say(first, passive=rng.random() < 0.3, stop=False)
    return [*head, (rng.choice(CONJUNCTIONS), "O"), *say_freely(rng, second)]


def draw_question(rng: Random, answered: bool) -> tuple[str, str]:
    """A question and a sentence that answers it, or one that nearly does. A sentence that denies answers nothing."""
    event = replace(draw_event(rng, place_probability=0.5), negated=False)
    slot = rng.choice(slots(event))
    asked = question(event, slot) if answered else other_question(rng, event, slot)
    return text(asked), text(say_freely(rng, event))


def draw_pair(rng: Random) -> tuple[str, str, bool]:
    """Draw two texts for the sentence-pair objective, and whether the second continues the first.

    A continuation restates an event, says less of it, or answers a question. A text that does not continue is, as often,
    about another event or about a near-copy of the event in which one thing was changed.
    """
    event, continues, form = draw_event(rng), rng.random() < 0.5, rng.random()
    if form < 0.25:
        return *draw_question(rng, continues), continues
    words = joined(rng, event, draw_event(rng)) if form < 0.4 else say_freely(rng, event)
    second = with_synonyms(rng, event) if form < 0.7 else reduced(rng, event)
    if not continues:
        second = draw_event(rng) if rng.random() < 0.5 else truly_changed(rng, second, of=event)
    return text(words), text(say_freely(rng, second)), continues


def draw_passage_pair(rng: Random, words: int) -> tuple[str, str, bool]:
    """Two passages of three sentences, together at most ``words``: the second says the first again, or other things."""
    while True:
        events, continues = [draw_event(rng) for _ in range(3)], rng.random() < 0.5
        others = events if continues else [draw_event(rng) for _ in range(3)]
        first = " ".join(text(say_freely(rng, event)) for event in events)
        second = " ".join(text(say_freely(rng, reduced(rng, event))) for event in others)
        if len(first.split()) + len(second.split()) <= words:
            return first, second, continues


def draw_sentence(rng: Random) -> str:
    """A single sentence: one event, or two joined."""
    event = draw_event(rng, relative_probability=0.25)
    return text(joined(rng, event, draw_event(rng)) if rng.random() < 0.2 else say_freely(rng, event))


def held_out_text(lines: int = 600, seed: int = 20_060_488) -> list[str]:
    """The language's "WikiText-2": ``lines`` single sentences that pre-training did not see as such."""
    rng = Random(seed)
    return [draw_sentence(rng) for _ in range(lines)]


def acceptability(rng: Random) -> Iterator[Example]:
    """Grammatical (1) or not (0), as CoLA; three in five are."""
    while True:
        event, good = draw_event(rng), rng.random() < 0.6
        yield text(say_freely(rng, event) if good else broken(rng, event)), None, int(good)


def paraphrase(rng: Random) -> Iterator[Example]:
    """Do two sentences say the same (1) or not (0), as MRPC; 68 % do."""
    while True:
        event, same = draw_event(rng), rng.random() < 0.68
        other = with_synonyms(rng, event if same else truly_changed(rng, event))
        first, second = text(say_freely(rng, event)), text(say_freely(rng, other))
        if first != second:
            yield first, second, int(same)


def entailment(rng: Random) -> Iterator[Example]:
    """Does the second text follow from the first (0, entailment) or not (1), as RTE; half of them do."""
    while True:
        event, entailed = draw_event(rng, place_probability=0.5), rng.random() < 0.5
        premise = joined(rng, event, draw_event(rng)) if rng.random() < 0.4 else say_freely(rng, event)
        less = reduced(rng, event)
        hypothesis = less if entailed else truly_changed(rng, less, of=event)
        yield text(premise), text(say_freely(rng, hypothesis)), int(not entailed)


def answer(rng: Random) -> Iterator[Example]:
    """Does the sentence answer the question (0, entailment) or not (1), as QNLI; half of them do."""
    while True:
        answered = rng.random() < 0.5
        yield *draw_question(rng, answered), int(not answered)


TASKS: dict[str, Callable[[Random], Iterator[Example]]] = {
    "acceptability": acceptability,
    "paraphrase": paraphrase,
    "entailment": entailment,
    "answer": answer,
}


def draw_task(name: str, split: str, examples: int) -> list[Example]:
    """The first ``examples`` of a task's split, no text twice within it.

    The class fractions are exact to one example, so that the majority score does not hang on the draw.
    """
    rng = Random(f"seedproof miniature {name} {split}")
    fractions = {"acceptability": 0.6, "paraphrase": 0.68, "entailment": 0.5, "answer": 0.5}
    ones = round(fractions[name] * examples)
    room, seen, chosen = {1: ones, 0: examples - ones}, set(), []
    for example in TASKS[name](rng):
        if room[example[2]] and example[:2] not in seen:
            room[example[2]] -= 1
            seen.add(example[:2])
            chosen.append(example)
        if len(chosen) == examples:
            break
    return chosen
