"""What a study records: checked when it is asked for, kept in the store."""

from __future__ import annotations

import math

import pytest

from seedproof.errors import UserError
from seedproof.execution.recording import DEFAULT_RECORDINGS, Recording


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
