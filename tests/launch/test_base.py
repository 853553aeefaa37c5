"""Launchers are found by name, and what is there where they execute decides what a study may ask for."""

from __future__ import annotations

import pytest
import torch

from seedproof.errors import UserError
from seedproof.launch import base
from seedproof.launch.base import Known, Launcher, launcher_of
from seedproof.launch.inline import InlineLauncher
from seedproof.launch.local.launcher import LocalLauncher
from seedproof.machine import Machine
from seedproof.study.study import Study


class Elsewhere(Launcher):
    """A cluster with a GPU, seen from a login node without one."""

    name = "elsewhere"

    def machine(self):
        return Machine(cores=64, gpus=1)

    def run(self, work, listener):
        raise NotImplementedError


def test_names_lead_to_launchers():
    assert isinstance(launcher_of("local"), LocalLauncher)
    assert isinstance(launcher_of("inline"), InlineLauncher)
    assert isinstance(launcher_of("seedproof.launch.inline:InlineLauncher"), InlineLauncher)
    mine = Elsewhere()
    assert launcher_of(mine) is mine


class Point:
    """Stands for an entry point of an installed package."""

    name, value = "theirs", "seedproof.launch.inline:InlineLauncher"


def test_an_installed_package_may_name_a_launcher(monkeypatch):
    monkeypatch.setattr(base, "entry_points", lambda group: [Point] if group == "seedproof.launchers" else [])
    assert isinstance(launcher_of("theirs"), InlineLauncher)
    assert "theirs" in base.launcher_names()


def test_a_launcher_that_is_not_there_is_one_message(monkeypatch):
    with pytest.raises(UserError, match=r"unknown launcher 'lokal'; did you mean 'local'\?"):
        launcher_of("lokal")
    far = Known(target="no:Matter", description="a launcher far away", needs="no_such_package")
    monkeypatch.setattr(base, "LAUNCHERS", {**base.LAUNCHERS, "far": far})
    with pytest.raises(UserError, match=r"not installed; install it: pip install 'seedproof\[no_such_package\]'"):
        launcher_of("far")
    with pytest.raises(UserError, match="is no launcher"):
        launcher_of("seedproof.launch.inline:Tally")
    with pytest.raises(UserError, match="unknown option 'colour' in the launcher 'local'"):
        launcher_of("local", colour="red")


class Needy(Elsewhere):
    """Cannot be made by its name alone."""

    def __init__(self, *, queue):
        self.queue = queue


class Half(Launcher):
    """Its author has not come to its end."""

    name = "half"

    def machine(self):
        return Machine(cores=1)


def test_a_launcher_that_cannot_be_made_says_what_it_lacks():
    here = __name__
    assert launcher_of(f"{here}:Needy", queue="short").queue == "short"
    with pytest.raises(
        UserError, match=r"cannot be made \(missing a required .*argument: 'queue'\); give that a default"
    ):
        launcher_of(f"{here}:Needy")
    with pytest.raises(UserError, match="Half' is not complete: write its run"):
        launcher_of(f"{here}:Half")


def test_this_process_has_one_job():
    launcher_of("inline").check_jobs(1)
    with pytest.raises(UserError, match="in this process, one after another, so jobs = 3 is not possible"):
        launcher_of("inline").check_jobs(3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_machine_without_a_gpu_may_submit_a_study_for_one():
    study = Study("x", tasks=["miniature/answer"], models=["miniature/bert"], device="cuda")
    assert study.numerics(launcher=Elsewhere()).device == "cuda"
    assert Study("x", tasks=study.tasks, models=study.models).numerics(launcher=Elsewhere()).device == "cuda"
    with pytest.raises(UserError, match="finds no GPU here"):
        study.numerics()
