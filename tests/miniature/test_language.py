"""The miniature language: the labels of its tasks are true, and its text never changes silently."""

from __future__ import annotations

import hashlib
from random import Random

import pytest

from seedproof.miniature.changes import (
    broken,
    follows,
    other_question,
    question,
    reduced,
    say_freely,
    slots,
    truly_changed,
    with_synonyms,
)
from seedproof.miniature.corpus import TASKS, draw_passage_pair, draw_task, held_out_text
from seedproof.miniature.grammar import VERBS, Event, NounPhrase, draw_event, say, text, vocabulary

DOG = NounPhrase("dog", plural=False, determiner="the")
CHILDREN = NounPhrase("child", plural=True, determiner="two", adjective="young")


def events(count: int = 300) -> list[Event]:
    rng = Random(5)
    return [draw_event(rng) for _ in range(count)]


def test_agreement_and_voice():
    event = Event(CHILDREN, "chases", DOG, adverb="quickly")
    assert text(say(event)) == "two young children chase the dog quickly ."
    assert text(say(event, passive=True)) == "the dog is chased by two young children quickly ."
    negated = Event(DOG, "sees", CHILDREN, negated=True)
    assert text(say(negated)) == "the dog does not see two young children ."


def test_every_word_that_is_said_is_in_the_vocabulary():
    words = set(vocabulary())
    rng = Random(1)
    for event in events():
        for said in (say_freely(rng, event), broken(rng, event), question(event, rng.choice(slots(event)))):
            assert {word for word, _ in said} <= words


def test_what_is_said_otherwise_or_in_less_words_follows():
    rng = Random(2)
    for event in events():
        assert follows(event, with_synonyms(rng, event))
        assert follows(event, reduced(rng, event))


def test_what_is_changed_does_not_follow():
    rng = Random(3)
    for event in events():
        less = reduced(rng, event)
        assert not follows(event, truly_changed(rng, less, of=event))


def test_entailment_has_a_direction():
    assert follows(Event(CHILDREN, "chases", DOG, adverb="slowly"), Event(CHILDREN, "pursues", DOG))
    assert not follows(Event(CHILDREN, "pursues", DOG), Event(CHILDREN, "chases", DOG, adverb="slowly"))
    assert follows(Event(DOG, "sees", CHILDREN), Event(NounPhrase("animal", False, "the"), "sees", CHILDREN))
    # "no old dog" leaves dogs that are not old: less said under a negation is more claimed
    old = NounPhrase("dog", False, "the", "old")
    assert not follows(Event(old, "sees", CHILDREN, negated=True), Event(DOG, "sees", CHILDREN, negated=True))


def test_a_question_that_is_not_answered_differs_from_the_one_that_is():
    rng = Random(4)
    for event in events(100):
        for slot in slots(event):
            assert text(other_question(rng, event, slot)) != text(question(event, slot))


def test_broken_agreement_changes_only_the_number_of_a_verb():
    rng, other = Random(6), {**{v: f[0] for v, f in VERBS.items()}, "is": "are"}
    pairs = {frozenset(pair) for pair in other.items()} | {frozenset(("does", "do"))}
    from seedproof.miniature.changes import _break_agreement

    for event in events(100):
        said = say(event)
        wrong = _break_agreement(rng, said)
        [(before, after)] = [(a[0], b[0]) for a, b in zip(said, wrong, strict=True) if a != b]
        assert frozenset((before, after)) in pairs


@pytest.mark.parametrize(
    ("name", "ones"), [("acceptability", 0.6), ("paraphrase", 0.68), ("entailment", 0.5), ("answer", 0.5)]
)
def test_splits_have_exact_shares_and_do_not_overlap(name, ones):
    train, dev = draw_task(name, "train", 1000), draw_task(name, "dev", 500)
    for split in (train, dev):
        assert sum(label for *_, label in split) == round(ones * len(split))
        assert len({example[:2] for example in split}) == len(split)
    assert len({e[:2] for e in train} & {e[:2] for e in dev}) <= 5


GOLDEN = {
    "acceptability": "721030862b900088",
    "paraphrase": "17efe6047f827662",
    "entailment": "424ca6e1d5b387c0",
    "answer": "6658e35ddad9d8db",
}


@pytest.mark.parametrize("name", TASKS)
def test_the_drawn_examples_never_change(name):
    # The shipped weights and every stored id rest on these bytes, on all Python versions.
    drawn = repr(draw_task(name, "train", 1000) + draw_task(name, "dev", 500))
    assert hashlib.sha256(drawn.encode()).hexdigest()[:16] == GOLDEN[name]


def test_passages_leave_room_for_special_tokens():
    rng = Random(7)
    for _ in range(50):
        first, second, _ = draw_passage_pair(rng, 61)
        assert len(first.split()) + len(second.split()) <= 61


def test_held_out_text_is_its_own():
    assert held_out_text(20) == held_out_text(600)[:20]
    assert len(set(held_out_text(100))) > 95
