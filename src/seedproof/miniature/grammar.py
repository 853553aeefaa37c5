"""The grammar of the miniature language: words, noun phrases, events, and how an event is said.

A sentence says one event ("two dogs chase the old farmer near the house .") or several joined ones. Events are values, so
that the same event can be said in another way (passive, synonyms, moved adverb), reduced (modifiers dropped, hypernyms) or
asked about, which is what the tasks need. Verbs agree in number with their subject and select what they take.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

PEOPLE = {
    "farmer": "farmers",
    "teacher": "teachers",
    "doctor": "doctors",
    "child": "children",
    "singer": "singers",
    "pilot": "pilots",
    "baker": "bakers",
    "king": "kings",
}
ANIMALS = {
    "dog": "dogs",
    "cat": "cats",
    "horse": "horses",
    "bird": "birds",
    "wolf": "wolves",
    "mouse": "mice",
    "cow": "cows",
}
THINGS = {
    "ball": "balls",
    "book": "books",
    "cup": "cups",
    "apple": "apples",
    "stone": "stones",
    "letter": "letters",
    "hat": "hats",
    "key": "keys",
}
PLACES = {
    "house": "houses",
    "garden": "gardens",
    "box": "boxes",
    "table": "tables",
    "tree": "trees",
    "boat": "boats",
    "field": "fields",
}
HYPERNYMS = {"person": "people", "animal": "animals", "thing": "things"}
PLURALS = PEOPLE | ANIMALS | THINGS | PLACES | HYPERNYMS
KIND = dict.fromkeys(PEOPLE, "person") | dict.fromkeys(ANIMALS, "animal") | dict.fromkeys(THINGS, "thing")

# third person singular -> (plural, passive participle); what may be the object
VERBS: dict[str, tuple[str, str]] = {
    "chases": ("chase", "chased"),
    "pursues": ("pursue", "pursued"),
    "helps": ("help", "helped"),
    "aids": ("aid", "aided"),
    "sees": ("see", "seen"),
    "finds": ("find", "found"),
    "discovers": ("discover", "discovered"),
    "likes": ("like", "liked"),
    "carries": ("carry", "carried"),
    "pushes": ("push", "pushed"),
    "holds": ("hold", "held"),
    "hides": ("hide", "hidden"),
    "drops": ("drop", "dropped"),
}
ANIMATE_OBJECT = ("chases", "pursues", "helps", "aids", "sees", "finds", "discovers", "likes")
THING_OBJECT = ("carries", "pushes", "holds", "hides", "drops", "sees", "finds", "discovers", "likes")
SYNONYMS = {
    "chases": "pursues",
    "helps": "aids",
    "finds": "discovers",
    "big": "large",
    "small": "little",
    "quickly": "fast",
    "near": "beside",
}
SYNONYMS |= {second: first for first, second in SYNONYMS.items()}
ANIMATE_ADJECTIVES = ("old", "young", "happy", "quiet", "big", "small", "large", "little")
THING_ADJECTIVES = ("old", "red", "green", "heavy", "big", "small", "large", "little")
PREPOSITIONS = ("near", "beside", "in", "behind", "under")
ADVERBS = ("quickly", "fast", "slowly", "often", "today")
CONJUNCTIONS = ("and", "while", "because", "but")
SINGULAR_DETERMINERS = ("the", "a")
PLURAL_DETERMINERS = ("the", "two", "some")
OTHER_WORDS = ("is", "are", "by", "not", "does", "do", "who", "what", "where", "that", ".", "?")

Tag = Literal["D", "A", "N", "V", "P", "R", "O"]
"""Determiner, adjective, noun, verb, preposition, adverb, other."""
Word = tuple[str, Tag]


def vocabulary() -> list[str]:
    """All words of the language, sorted; whole words, no pieces."""
    verbs = {form for singular, forms in VERBS.items() for form in (singular, *forms)}
    words = {*PLURALS, *PLURALS.values(), *verbs, *ANIMATE_ADJECTIVES, *THING_ADJECTIVES, *PREPOSITIONS, *ADVERBS}
    return sorted(words | {*CONJUNCTIONS, *SINGULAR_DETERMINERS, *PLURAL_DETERMINERS, *OTHER_WORDS})


@dataclass(frozen=True)
class NounPhrase:
    """A determiner, perhaps an adjective, and a noun in singular or plural."""

    noun: str
    plural: bool
    determiner: str
    adjective: str | None = None

    @property
    def kind(self) -> str:
        """``person``, ``animal`` or ``thing``."""
        return KIND.get(self.noun, self.noun)

    def words(self) -> list[Word]:
        """The phrase word by word with tags."""
        adjective: list[Word] = [(self.adjective, "A")] if self.adjective else []
        return [(self.determiner, "D"), *adjective, (PLURALS[self.noun] if self.plural else self.noun, "N")]


@dataclass(frozen=True)
class Event:
    """Somebody does something to somebody or something, perhaps somewhere, in some way."""

    subject: NounPhrase
    verb: str
    """Third person singular, a key of ``VERBS``."""
    object: NounPhrase
    place: tuple[str, NounPhrase] | None = None
    """Preposition and place, said of the whole event."""
    adverb: str | None = None
    negated: bool = False
    relative: tuple[str, NounPhrase] | None = None
    """Verb and object of a relative clause about the subject."""


def do_word(plural: bool) -> Word:
    """``does`` or ``do``."""
    return ("do" if plural else "does", "V")


def verb_words(verb: str, plural: bool, negated: bool) -> list[Word]:
    """The verb in agreement with its subject: ``chases``, ``chase``, ``does not chase``, ``do not chase``."""
    base = VERBS[verb][0]
    if negated:
        return [do_word(plural), ("not", "O"), (base, "V")]
    return [(base if plural else verb, "V")]


def say(event: Event, *, passive: bool = False, adverb_first: bool = False, stop: bool = True) -> list[Word]:
    """Put an event into words, active or passive, the adverb at the end or at the beginning."""
    subject = event.subject.words()
    if event.relative:
        verb, other = event.relative
        pronoun = "who" if event.subject.kind == "person" else "that"
        subject += [(pronoun, "O"), *verb_words(verb, event.subject.plural, False), *other.words()]
    if passive:
        be: Word = ("are" if event.object.plural else "is", "V")
        denied: list[Word] = [("not", "O")] if event.negated else []
        clause = [*event.object.words(), be, *denied, (VERBS[event.verb][1], "V"), ("by", "P"), *subject]
    else:
        clause = [*subject, *verb_words(event.verb, event.subject.plural, event.negated), *event.object.words()]
    if event.place:
        clause += [(event.place[0], "P"), *event.place[1].words()]
    if event.adverb:
        clause = [(event.adverb, "R"), *clause] if adverb_first else [*clause, (event.adverb, "R")]
    return [*clause, (".", "O")] if stop else clause


def text(words: list[Word]) -> str:
    """Words as a line of text."""
    return " ".join(word for word, _ in words)


def draw_noun_phrase(rng: Random, nouns: tuple[str, ...], adjective_probability: float = 0.35) -> NounPhrase:
    """Draw a noun phrase over ``nouns``."""
    noun, plural = rng.choice(nouns), rng.random() < 0.4
    adjectives = THING_ADJECTIVES if noun in THINGS else ANIMATE_ADJECTIVES
    adjective = rng.choice(adjectives) if noun not in PLACES and rng.random() < adjective_probability else None
    return NounPhrase(noun, plural, rng.choice(PLURAL_DETERMINERS if plural else SINGULAR_DETERMINERS), adjective)


def draw_action(rng: Random) -> tuple[str, NounPhrase]:
    """Draw a verb and an object that it can take."""
    if rng.random() < 0.5:
        return rng.choice(ANIMATE_OBJECT), draw_noun_phrase(rng, (*PEOPLE, *ANIMALS))
    return rng.choice(THING_OBJECT), draw_noun_phrase(rng, tuple(THINGS))


def draw_event(rng: Random, *, relative_probability: float = 0.15, place_probability: float = 0.3) -> Event:
    """Draw an event; its subject is animate and differs from its object."""
    verb, target = draw_action(rng)
    subject = draw_noun_phrase(rng, tuple(noun for noun in (*PEOPLE, *ANIMALS) if noun != target.noun))
    place = (
        (rng.choice(PREPOSITIONS), draw_noun_phrase(rng, tuple(PLACES))) if rng.random() < place_probability else None
    )
    adverb = rng.choice(ADVERBS) if rng.random() < 0.25 else None
    relative = draw_action(rng) if rng.random() < relative_probability else None
    return Event(subject, verb, target, place, adverb, rng.random() < 0.1, relative)
