"""A measurement is named by what it measures, kept part by part, and finished by its last file."""

from __future__ import annotations

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.store import Held
from seedproof.store.measurements import kept_parts, measurement_id, measurements, open_measurement

WHAT = {"kind": "surface", "failed": "a" * 64, "side": 40, "low": -1.5}


def test_the_id_is_what_is_measured(tmp_path):
    assert measurement_id(WHAT) == measurement_id(dict(reversed(WHAT.items())))
    assert measurement_id(WHAT) != measurement_id({**WHAT, "side": 41})
    assert open_measurement(tmp_path, WHAT).path == tmp_path / "measurements" / measurement_id(WHAT)
    assert open_measurement(tmp_path, WHAT).description == WHAT


def test_numbers_of_numpy_are_numbers(tmp_path):
    """Seeds and layers that come from a table or from ``np.arange`` name the measurement that plain ones name."""
    plain = {"kind": "test", "seed": 3, "masking": {"share": 0.5}, "depths": [1, 2]}
    theirs = {
        "kind": "test",
        "seed": np.int64(3),
        "masking": {"share": np.float64(0.5)},
        "depths": tuple(np.arange(1, 3)),
    }
    first, second = open_measurement(tmp_path / "a", theirs), open_measurement(tmp_path / "b", plain)
    assert (first.id, first.description) == (second.id, second.description)


def test_parts_come_back_exactly(tmp_path):
    values = {"loss": np.array([0.1, np.nan, np.inf]), "tokens": 3}
    with kept_parts(tmp_path, WHAT) as parts:
        parts.add("row 0", values)
        parts.add("row 1", {"loss": np.array([1.0])})
    with kept_parts(tmp_path, WHAT) as parts:
        done = parts.done()
    assert list(done) == ["row 0", "row 1"]
    np.testing.assert_array_equal(done["row 0"]["loss"], values["loss"])
    assert done["row 0"]["tokens"] == 3


def test_a_torn_part_is_measured_again(tmp_path):
    with kept_parts(tmp_path, WHAT) as parts:
        parts.add("row 0", {"loss": 1.0})
    journal = open_measurement(tmp_path, WHAT).path / "parts.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"part":"row 1","values":{"lo')
    with kept_parts(tmp_path, WHAT) as parts:
        assert list(parts.done()) == ["row 0"]
        parts.add("row 1", {"loss": 3.0})
        assert parts.done()["row 1"] == {"loss": 3.0}


def test_only_one_process_measures_it(tmp_path):
    with kept_parts(tmp_path, WHAT) as parts:
        with pytest.raises(Held, match="being made by another process"), kept_parts(tmp_path, WHAT):
            pass
        parts.finish({"parts": 0})
        with kept_parts(tmp_path, WHAT) as finished:  # a finished one is only read
            assert finished.done() == {}


def test_an_unfinished_one_says_so(tmp_path):
    measurement = open_measurement(tmp_path, WHAT)
    measurement.add("row 0", {"loss": 1.0})
    with pytest.raises(UserError, match="interrupted after 1 parts; give the command that began it again"):
        measurement.result()
    measurement.finish({"parts": 1})
    assert measurement.result() == {"parts": 1}
    assert [one.id for one in measurements(tmp_path)] == [measurement.id]


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with kept_parts(None, WHAT) as parts:
        parts.add("row 0", {"loss": 1.0})
        assert parts.done() == {"row 0": {"loss": 1.0}}
        parts.finish({})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_and_damage(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"cannot keep a measurement in .*file"):
        open_measurement(tmp_path / "file", WHAT)
    measurement = open_measurement(tmp_path, WHAT)
    (measurement.path / "measurement.json").write_text("{")
    with pytest.raises(UserError, match=r"measurement\.json is damaged"):
        _ = measurement.description
