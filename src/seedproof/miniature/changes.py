"""What can be done to an event: say it otherwise, say less, ask about it, change its meaning, break its grammar."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from seedproof.miniature.grammar import (
    ANIMALS,
    ANIMATE_ADJECTIVES,
    ANIMATE_OBJECT,
    HYPERNYMS,
    PEOPLE,
    PREPOSITIONS,
    SYNONYMS,
    THING_ADJECTIVES,
    THING_OBJECT,
    THINGS,
    VERBS,
    Event,
    NounPhrase,
    Word,
    draw_noun_phrase,
    say,
    verb_words,
)


def say_freely(rng: Random, event: Event) -> list[Word]:
    """Say an event in one of its forms: active or passive, adverb first or last."""
    return say(event, passive=rng.random() < 0.4, adverb_first=rng.random() < 0.4)


def with_synonyms(rng: Random, event: Event, probability: float = 0.7) -> Event:
    """Replace words that have a synonym, each with ``probability``: the meaning stays."""

    def swap(word: str) -> str:
        return SYNONYMS[word] if word in SYNONYMS and rng.random() < probability else word

    def phrase(value: NounPhrase) -> NounPhrase:
        return replace(value, adjective=swap(value.adjective)) if value.adjective else value

    return replace(
        event,
        subject=phrase(event.subject),
        verb=swap(event.verb),
        object=phrase(event.object),
        place=(swap(event.place[0]), event.place[1]) if event.place else None,
        adverb=swap(event.adverb) if event.adverb else None,
    )


def reduced(rng: Random, event: Event, probability: float = 0.5) -> Event:
    """Say less: drop modifiers, replace a noun by its hypernym. What is left follows from the event.

    A negated event is only stripped of its relative clause: dropping more from a negation would say more, not less.
    """
    if event.negated:
        return replace(event, relative=None)

    def phrase(value: NounPhrase) -> NounPhrase:
        adjective = None if rng.random() < probability else value.adjective
        noun = value.kind if rng.random() < 0.25 else value.noun
        return replace(value, noun=noun, adjective=adjective if noun not in HYPERNYMS else None)

    place = None if rng.random() < probability else event.place
    adverb = None if rng.random() < probability else event.adverb
    return replace(
        event, subject=phrase(event.subject), object=phrase(event.object), place=place, adverb=adverb, relative=None
    )


def other_noun(rng: Random, phrase: NounPhrase) -> NounPhrase:
    """Replace the noun by another one of the same kind."""
    nouns = {"person": PEOPLE, "animal": ANIMALS, "thing": THINGS}[phrase.kind]
    return replace(phrase, noun=rng.choice([noun for noun in nouns if noun != phrase.noun]))


def other_verb(rng: Random, event: Event) -> Event:
    """Replace the verb by one that takes the same object and means something else."""
    verbs = THING_OBJECT if event.object.kind == "thing" else ANIMATE_OBJECT
    return replace(
        event, verb=rng.choice([verb for verb in verbs if verb not in (event.verb, SYNONYMS.get(event.verb))])
    )


def other_adjective(rng: Random, phrase: NounPhrase) -> NounPhrase:
    """Give the noun another adjective, one that is no synonym of the present one."""
    adjectives = THING_ADJECTIVES if phrase.kind == "thing" else ANIMATE_ADJECTIVES
    taken = (phrase.adjective, SYNONYMS.get(phrase.adjective or ""))
    return replace(phrase, adjective=rng.choice([adjective for adjective in adjectives if adjective not in taken]))


def changed(rng: Random, event: Event) -> Event:
    """Change the meaning in one place: who, what, to whom, where, which one, or whether."""
    swappable = event.object.kind != "thing" and event.relative is None
    options = ["subject", "object", "verb", "adjective", "negation", *(["roles"] * 2 if swappable else [])]
    if event.place:
        options.append("place")
    choice = rng.choice(options)
    if choice == "roles":
        return replace(event, subject=event.object, object=event.subject)
    if choice == "subject":
        return replace(event, subject=other_noun(rng, event.subject))
    if choice == "object":
        return replace(event, object=other_noun(rng, event.object))
    if choice == "verb":
        return other_verb(rng, event)
    if choice == "negation":
        return replace(event, negated=not event.negated)
    if choice == "place" and event.place:
        taken = (event.place[0], SYNONYMS.get(event.place[0]))
        return replace(event, place=(rng.choice([p for p in PREPOSITIONS if p not in taken]), event.place[1]))
    if rng.random() < 0.5:
        return replace(event, subject=other_adjective(rng, event.subject))
    return replace(event, object=other_adjective(rng, event.object))


def slots(event: Event) -> list[str]:
    """What can be asked about an event."""
    return ["subject", "object", *(["place"] if event.place else [])]


def question(event: Event, slot: str) -> list[Word]:
    """Ask for the subject, the object or the place of an event."""
    end: list[Word] = [("?", "O")]
    if slot == "subject":
        return [("who", "O"), *verb_words(event.verb, False, False), *event.object.words(), *end]
    does: Word = ("do" if event.subject.plural else "does", "V")
    base: Word = (VERBS[event.verb][0], "V")
    if slot == "place":
        return [("where", "O"), does, *event.subject.words(), base, *event.object.words(), *end]
    asked: Word = ("what" if event.object.kind == "thing" else "who", "O")
    return [asked, does, *event.subject.words(), base, *end]


def _same(first: str | None, second: str | None) -> bool:
    """The same word, or its synonym."""
    return first == second or (first is not None and SYNONYMS.get(first) == second)


def _covers(said: NounPhrase, claimed: NounPhrase) -> bool:
    """Whatever is ``said`` is also a ``claimed``: the same or its hypernym, no adjective that was not said."""
    noun = claimed.noun in (said.noun, said.kind)
    adjective = claimed.adjective is None or _same(said.adjective, claimed.adjective)
    return noun and adjective and (said.plural, said.determiner) == (claimed.plural, claimed.determiner)


def follows(premise: Event, hypothesis: Event) -> bool:
    """Does the hypothesis follow from the premise? The judge of the labels, apart from what draws them."""
    place = hypothesis.place is None or (
        premise.place is not None
        and _same(premise.place[0], hypothesis.place[0])
        and _covers(premise.place[1], hypothesis.place[1])
    )
    said = (
        _same(premise.verb, hypothesis.verb)
        and premise.negated == hypothesis.negated
        and _covers(premise.subject, hypothesis.subject)
        and _covers(premise.object, hypothesis.object)
        and (hypothesis.adverb is None or _same(premise.adverb, hypothesis.adverb))
        and hypothesis.relative in (None, premise.relative)
    )
    return said and place and (not premise.negated or follows(replace(hypothesis, negated=False), _affirmed(premise)))


def _affirmed(event: Event) -> Event:
    """The event that a negated one denies. Who is meant by the subject stays, so its relative clause may be left out."""
    return replace(event, negated=False, relative=None)


def truly_changed(rng: Random, event: Event, of: Event | None = None) -> Event:
    """Change ``event`` until it no longer follows from ``of`` (itself unless given)."""
    while follows(of or event, other := changed(rng, event)):
        pass
    return other


def other_question(rng: Random, event: Event, slot: str) -> list[Word]:
    """A question of the same form that ``event`` does not answer."""
    asked = question(event, slot)
    while True:
        other = changed(rng, event)
        if (slot != "place" or other.place) and (words := question(other, slot)) != asked:
            return words


# Neighbours that no sentence of the grammar has in the reverse order.
_FIXED_ORDER = {("D", "N"), ("D", "A"), ("A", "N"), ("V", "D"), ("P", "D")}


def broken(rng: Random, event: Event) -> list[Word]:
    """Say an event ungrammatically: agreement, order, selection or completeness is broken, each as often."""
    words = say_freely(rng, event)
    choice = rng.choice(["agreement", "order", "selection", "word"])
    if choice == "selection":
        thing = draw_noun_phrase(rng, tuple(THINGS))
        return say_freely(rng, replace(event, subject=replace(thing, adjective=None), relative=None))
    if choice == "agreement":
        return _break_agreement(rng, words)
    if choice == "order":
        places = [i for i in range(len(words) - 1) if (words[i][1], words[i + 1][1]) in _FIXED_ORDER]
        place = rng.choice(places)
        return [*words[:place], words[place + 1], words[place], *words[place + 2 :]]
    place = rng.choice([i for i, (_, tag) in enumerate(words) if tag in "DNV"])
    return words[:place] + words[place + 1 :]


def _break_agreement(rng: Random, words: list[Word]) -> list[Word]:
    """Give one finite verb the other number."""
    singular = dict(VERBS.items())
    other = {"is": "are", "are": "is", "does": "do", "do": "does"}
    other |= {verb: forms[0] for verb, forms in singular.items()} | {forms[0]: verb for verb, forms in singular.items()}
    places = [
        i
        for i, (word, tag) in enumerate(words)
        if tag == "V" and word in other and (i == 0 or words[i - 1][0] not in ("not", "is", "are"))
    ]
    place = rng.choice(places)
    word, tag = words[place]
    return [*words[:place], (other[word], tag), *words[place + 1 :]]
