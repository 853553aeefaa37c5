"""Races in a study: decided from stored evaluations, resumed, refused; what becomes of the stopped in tables."""

from __future__ import annotations

import dataclasses

import pytest

from seedproof import events
from seedproof.alarms import Alarm
from seedproof.errors import UserError
from seedproof.execution.race import decisions
from seedproof.launch.base import Work, launcher_of
from seedproof.report.html.view import counts
from seedproof.report.markdown import write_markdown
from seedproof.store import State
from seedproof.study import racing
from seedproof.study.results import open_results
from seedproof.study.study import Study
from seedproof.testing.tiny import ignore, losses_of

SETTINGS = {"max_steps": 4, "learning_rate": 1e-3}


@pytest.fixture(scope="session")
def race(tiny_model, small_task) -> Study:
    return Study(
        "race",
        tasks=[small_task],
        models=[str(tiny_model)],
        recipes=["devlin"],
        settings=SETTINGS,
        race="3:1@0.5",
        device="cpu",
    )


@pytest.fixture(scope="module")
def raced(race, tmp_path_factory):
    """The results of a whole race, and what was told."""
    heard = []
    folder = tmp_path_factory.mktemp("race") / "study"
    return race.run(folder, launcher="inline", listeners=[heard.append], progress=False), heard


def paused(race, folder):
    """A race up to where it is decided: its store and its runs."""
    store, runs = race.prepare(folder)
    specs = tuple(run.spec for run in runs)
    summary = launcher_of("inline").run(Work(store=store, specs=specs), ignore)
    assert sorted(summary.paused) == sorted(store.run_ids())
    return store, runs


def test_the_best_go_on_from_where_they_were_and_the_others_are_stopped(raced, race, tmp_path):
    results, heard = raced
    runs = results.runs().set_index("run")
    [decision] = decisions(results._store)
    stopped = runs[runs["outcome"] == "stopped"]
    assert decision.step == 2
    assert set(stopped.index) == set(decision.scores) - set(decision.going_on)
    assert len(stopped) == 2
    assert set(stopped["reason"]) == {"race"}
    assert stopped["score"].isna().all()
    assert stopped["stopped_score"].to_dict() == {run: decision.scores[run] for run in stopped.index}
    assert set(stopped["stopped_at"]) == {2}
    assert {type(event).__name__ for event in heard if event.run == stopped.index[0]} >= {"Paused", "Finished"}
    whole = dataclasses.replace(race, race=None, seeds=3).run(tmp_path / "w", launcher="inline", progress=False)
    for run in decision.going_on:  # the same id, and the same bits as without a race
        assert losses_of(results.path, run) == losses_of(whole.path, run)


def test_the_same_call_again_changes_nothing(raced, race):
    results, _ = raced
    before = {id_: results._store.run(id_).attempts() for id_ in results._store.run_ids()}
    race.run(results.path, launcher="inline", progress=False)
    assert {id_: results._store.run(id_).attempts() for id_ in results._store.run_ids()} == before
    assert len(decisions(results._store)) == 1


def test_stopped_runs_are_in_no_statistic_and_recipes_are_not_compared(raced):
    results, _ = raced
    row = results.summary().iloc[0]
    assert (row["runs"], row["finished"], row["stopped"]) == (3, 1, 2)
    assert row[["failure_rate", "failure_low", "mean_low", "succeeded_mean_low"]].isna().all()
    [answer] = results.answers()
    assert "2 of 3 runs stopped early, 1 finished" in answer.sentence
    assert "were selected" in answer.sentence


def test_killed_before_all_are_stopped_it_decides_the_same(race, tmp_path, monkeypatch):
    store, runs = paused(race, tmp_path / "s")
    real, calls = racing.stop_paused, []

    def killed(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(racing, "stop_paused", killed)
    with pytest.raises(KeyboardInterrupt):
        racing.settle(store, runs, race._race, ignore)
    monkeypatch.undo()
    [before] = decisions(store)
    race.run(store.path, launcher="inline", progress=False)
    assert decisions(store) == [before]
    outcomes = {id_: store.run(id_).result()["outcome"] for id_ in store.run_ids()}
    assert sorted(id_ for id_, outcome in outcomes.items() if outcome != "stopped") == sorted(before.going_on)


def test_a_race_waits_until_all_have_come_as_far(race, tmp_path):
    store, runs = race.prepare(tmp_path / "s")
    first, *others = runs
    launcher_of("inline").run(Work(store=store, specs=tuple(run.spec for run in others)), ignore)
    heard = []
    racing.settle(store, runs, race._race, heard.append)
    assert not decisions(store)
    assert "1 of 3 runs have not come to 50 % of training (pending)" in heard[0].message
    assert [store.run(run.spec.id).state for run in runs] == [State.PENDING, State.PAUSED, State.PAUSED]
    assert racing.not_waiting(store, [run.spec for run in runs]) == (first.spec,)


def test_what_the_order_of_seeds_decides_is_said(race, tmp_path, monkeypatch):
    store, runs = paused(race, tmp_path / "s")
    monkeypatch.setattr(racing, "best_so_far", lambda *_: 0.5)
    heard = []
    racing.settle(store, runs, race._race, heard.append)
    assert "decided between equals by the order of their seeds: 3 of 3 runs had 0.500" in heard[0].message
    assert decisions(store)[0].going_on == (runs[0].spec.id,)
    assert store.run(runs[1].spec.id).result()["stopped_because"].endswith("and of equals the earlier seed goes on")


@pytest.mark.slow
def test_a_fleet_races(race, tmp_path):
    results = dataclasses.replace(race, engine="fleet").run(tmp_path / "s", launcher="inline", progress=False)
    assert sorted(results.runs()["outcome"] == "stopped") == [False, True, True]


class Second(Alarm):
    """Holds every run for doomed at its second step."""

    def see(self, signals):
        return "this is its second step" if signals.step == 2 else None


@pytest.mark.parametrize("stop_doomed", [False, True])
def test_an_alarm_stops_a_run_only_where_it_may(race, tmp_path, monkeypatch, stop_doomed):
    monkeypatch.setattr("seedproof.execution.guard.Doomed", Second)
    study = dataclasses.replace(race, race="3:1@0.75", stop_doomed=stop_doomed)
    heard = []
    results = study.run(tmp_path / "s", launcher="inline", listeners=[heard.append], progress=False)
    runs = results.runs()
    assert set(runs["alarm_because"]) == {"this is its second step"}
    assert (runs["reason"] == "alarm").sum() == (3 if stop_doomed else 0)
    assert (runs["outcome"] == "stopped").sum() == (3 if stop_doomed else 2)
    notes = [event.message for event in heard if isinstance(event, events.Note)]
    assert all(note.endswith("; it is stopped") == stop_doomed for note in notes if "looks doomed at step 2" in note)


def test_what_cannot_race_is_refused(race, raced, tmp_path):
    results, _ = raced
    folder = results.path
    for changes, said in (
        ({"race": None, "seeds": 3}, "is the race 3:1@0.5, and there is none now; go on with --race 3:1@0.5"),
        ({"race": "3:2@0.5"}, "is the race 3:1@0.5, and now it is 3:2@0.5"),
        ({"stop_doomed": True}, "now it is 3:1@0.5 with --stop-doomed"),
        ({"seeds": range(3, 6)}, "was started with the seeds 0, 1, 2, and others cannot join it"),
    ):
        with pytest.raises(UserError, match=said):
            dataclasses.replace(race, **changes).run(folder, launcher="inline", progress=False)
    with pytest.raises(UserError, match="starts 3 seeds, and 5 are given"):
        dataclasses.replace(race, seeds=5)
    with pytest.raises(UserError, match="has 4 steps, with no step to evaluate after there"):
        dataclasses.replace(race, race="3:1@0.05").prepare(tmp_path / "early")
    with pytest.raises(UserError, match="within a race only"):
        dataclasses.replace(race, race=None, stop_doomed=True)
    whole = dataclasses.replace(race, race=None, seeds=3)
    whole.prepare(tmp_path / "whole")
    with pytest.raises(UserError, match="is no race: its runs go to their end, and 0 of 3 have"):
        race.prepare(tmp_path / "whole")


def test_a_study_file_has_the_race(race, raced):
    again = Study.read(raced[0].path / "study.toml")
    assert (again.race, again.stop_doomed) == (race.race, False)
    assert open_results(raced[0].path).runs()["outcome"].tolist() == raced[0].runs()["outcome"].tolist()


def test_runs_are_listed_with_what_stopped_them(raced, capsys):
    from seedproof.cli.runs import chosen_runs, print_runs

    results, _ = raced
    chosen = chosen_runs(results, {"outcome": ["stopped"]})
    assert len(chosen) == 2
    print_runs(chosen, "table")
    assert capsys.readouterr().out.count("stopped (race) at step 2, then 0.") == 2


@pytest.mark.slow
def test_the_report_says_how_many_were_stopped(raced, tmp_path):
    text = raced[0].report(tmp_path / "r.html").read_text(encoding="utf-8")
    assert "2 of 3 runs were stopped before their end (2 by the race)" in text
    assert "stopped: race" in text
    assert "Runs that were stopped early, or held for doomed" in text
    assert "in the race 3:1@0.5; the last that went on had" in text


def test_a_page_counts_no_stopped_run_as_finished(raced, tmp_path):
    """A reader divides the failed by the finished."""
    text = write_markdown(raced[0]._store, tmp_path / "page.md").read_text(encoding="utf-8")
    assert "3 runs, 1 finished, 1 of them failed, 2 stopped early." in text
    assert dict(counts(raced[0].runs()))["finished"] == 1
