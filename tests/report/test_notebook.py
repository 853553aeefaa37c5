"""Progress in the cell of a notebook: one output, drawn again in place."""

from __future__ import annotations

import sys
import types

import pytest

from seedproof import events
from seedproof.report import progress as module
from seedproof.report.progress import Progress


class Notebook:
    """Stands for IPython in a kernel: what it was told to display, and what stands there now."""

    def __init__(self) -> None:
        self.displays, self.updates, self.shown = 0, 0, {}
        self.kernel = self

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        self.displays += 1
        self.shown = bundle
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.updates += 1
        self.shown = bundle


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython, display.display = lambda: notebook, notebook.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return notebook


def test_a_thousand_steps_are_one_output_drawn_a_few_times(notebook, capfd):
    now = [0.0]
    with Progress(4, labels={"a": "rte <devlin> seed 3"}, clock=lambda: now[0]) as display:
        display(events.Started(run="a"))
        for step in range(1, 1001):
            now[0] += 0.01
            display(events.Progress(run="a", step=step, steps=1000, loss=0.5))
        assert "0 of 4 runs finished" in notebook.shown["text/plain"]
        assert "rte <devlin> seed 3" in notebook.shown["text/plain"]
        assert "rte &lt;devlin&gt; seed 3" in notebook.shown["text/html"]
        display(events.Crashed(run="a", message="boom"))
        assert "crashed: rte <devlin> seed 3: boom" in notebook.shown["text/plain"]
        for run in "bcd":
            display(events.Finished(run=run, outcome="succeeded"))
    assert (notebook.displays, capfd.readouterr()) == (1, ("", ""))
    assert notebook.updates < 60
    assert notebook.shown["text/plain"] == (
        "3 of 4 runs finished, 0 failed, 1 crashed\ncrashed: rte <devlin> seed 3: boom"
    )


def test_an_ipython_terminal_is_no_notebook(notebook, monkeypatch):
    monkeypatch.setattr(notebook, "kernel", None)
    assert not module.in_notebook()
    with Progress(1):
        pass
    assert notebook.displays == 0
