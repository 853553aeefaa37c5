"""What a study records: checked when it is asked for, kept in the store."""

from __future__ import annotations

import math

import pytest

from seedproof.errors import UserError
from seedproof.execution.recording import DEFAULT_RECORDINGS, Recording, lacks, looked, recordings_of


def test_a_store_without_options_has_the_defaults(tmp_path):
    assert Recording.read(tmp_path) == Recording()
    assert Recording().probes == DEFAULT_RECORDINGS


def test_what_is_written_is_read(tmp_path):
    recording = Recording(probes={"drift": 1}, evaluations=5, weights=True, checkpoint_seconds=1.5)
    recording.write(tmp_path)
    assert Recording.read(tmp_path) == recording
    Recording(probes={}).write(tmp_path)
    assert Recording.read(tmp_path).probes == {}


def test_one_set_of_options_does_not_share_its_probes_with_another():
    Recording().probes["gradients"] = 3  # type: ignore[index]
    assert Recording().probes["gradients"] == DEFAULT_RECORDINGS["gradients"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"probes": {"gradient": 1}}, "unknown recording 'gradient'; did you mean 'gradients'"),
        ({"probes": {"gradients": 0}}, "'gradients' looks every 0 steps"),
        ({"probes": {"gradients": 1.5}}, "'gradients' looks every 1.5 steps"),
        ({"probes": {"gradients": "x"}}, "'gradients' looks every 'x' steps"),
        ({"probes": {"gradients": 10**9}}, "'gradients' looks every 1000000000 steps.* at most 10000000"),
        ({"probes": {"fit": 2}}, "'fit' looks once, at the end of a run; give it without 2"),
        ({"probes": {"drift": 0}}, "'drift' looks every 0 evaluations"),
        ({"probes": {"weights": 1}}, "'weights' is no recording that is switched on by its name; give --weights"),
        ({"evaluations": 0}, "evaluations = 0 is not valid"),
        ({"evaluations": "3"}, "evaluations = '3' is not valid"),
        ({"weights": "no"}, "weights = 'no' is not valid; give true or false"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds = -1 is not valid"),
        ({"checkpoint_seconds": math.nan}, "checkpoint_seconds = nan is not valid"),
        ({"checkpoint_seconds": "5"}, "checkpoint_seconds = '5' is not valid"),
    ],
)
def test_mistakes(options, message):
    with pytest.raises(UserError, match=message):
        Recording(**options)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "recording.json").write_text('{"probes": {}, "newer": 1}')
    with pytest.raises(UserError, match=r"recording\.json is damaged, or was written by another version"):
        Recording.read(tmp_path)


def test_what_was_recorded_does_not_depend_on_how_often_it_is_saved():
    first, second = Recording(checkpoint_seconds=1.0), Recording(checkpoint_seconds=2.0, weights=True)
    assert first.recorded == second.recorded
    assert first.recorded != Recording(evaluations=3).recorded


@pytest.mark.parametrize(
    ("words", "probes"),
    [
        (["gradients=1"], {"gradients": 1, "pooler": 1, "drift": 1}),
        (["gradients"], dict(DEFAULT_RECORDINGS)),
        (["none"], {}),
        (["none", "gradients", "drift=2"], {"gradients": 10, "drift": 2}),
        (["gradients=off", "pooler=0"], {"drift": 1}),
        (["none", "mine:Probe=3"], {"mine:Probe": 3}),
    ],
)
def test_switches(words, probes):
    assert Recording().switched(words).probes == probes


def test_a_switch_that_is_on_stays_as_it_is():
    assert Recording(probes={"gradients": 5}).switched(["gradients"]).probes == {"gradients": 5}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("gradient", "unknown recording 'gradient'; did you mean 'gradients'"),
        ("", "unknown recording ''"),
        ("gradients=x", "--record gradients=x is not valid; give gradients, gradients=EVERY .* or gradients=off"),
        ("gradients=-1", "--record gradients=-1 is not valid"),
        ("drift=1.5", "--record drift=1.5 is not valid.*evaluations from one look to the next"),
        ("gradients=99999999", "looks every 99999999 steps"),
        ("evaluations=5", "give --evaluations N"),
    ],
)
def test_mistaken_switches(word, message):
    with pytest.raises(UserError, match=message):
        Recording().switched([word])


@pytest.mark.parametrize(
    "table", [{"gradients": 0}, {"gradients": True, "drift": False}, {"evaluations": 2}, {"a:B": 4}]
)
def test_options_lead_from_one_recording_to_another(table):
    there = Recording.from_table(table, "a file")
    words = there.options_over(Recording())
    switched = Recording().switched([words[place + 1] for place, word in enumerate(words) if word == "--record"])
    assert dict(switched.probes) == dict(there.probes)
    assert ("--evaluations" in words) == (there.evaluations is not None)


def test_a_result_says_what_was_seen():
    """Not what was asked for; and what was looked for in vain is not lacking, or the run would be done again for ever."""
    asked = Recording(probes={"gradients": 5, "pooler": 1})
    recordings = recordings_of(asked, {"loss", "evaluation", "gradients"}, has_weights=False)
    assert recordings == {"gradients": 5, "evaluations": None, "weights": False, "unseen": {"pooler": 1}}
    assert not lacks(recordings, asked)
    assert lacks(recordings, Recording(probes={"gradients": 5, "drift": 1}))
    assert lacks({"gradients": 5, "evaluations": None, "weights": False}, asked)
    assert looked(recordings) == asked.probes
