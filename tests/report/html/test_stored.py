"""A reproduction of what needs no runs (Figure 6) can be reported too."""

from __future__ import annotations

import json

import pytest

from seedproof.errors import UserError
from seedproof.report.html import write_study_report
from seedproof.report.html.stored import stored_figures
from seedproof.spec import Numerics
from seedproof.store import Store


def test_figures_without_runs_are_reported(tmp_path):
    store = Store.open_or_create(tmp_path / "study", "reproduce", Numerics())
    folder = store.path / "figures" / "fig6"
    folder.mkdir(parents=True)
    (folder / "fig6.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>')
    about = {"name": "fig6", "title": "k(t)", "finding": "Far below 1.", "notes": [], "images": ["fig6.svg"]}
    (folder / "figure.json").write_text(json.dumps(about))
    assert "Far below 1." in write_study_report(store, tmp_path / "report.html").read_text()


def test_a_study_without_anything_is_refused(tmp_path):
    store = Store.open_or_create(tmp_path / "study", "empty", Numerics())
    with pytest.raises(UserError, match="nothing to report"):
        write_study_report(store, tmp_path / "report.html")


@pytest.mark.parametrize("name", ["/etc/hostname", "../../x.svg", "a/b.svg"])
def test_a_drawing_that_lies_elsewhere_is_refused(tmp_path, name):
    folder = tmp_path / "figures" / "fig6"
    folder.mkdir(parents=True)
    about = {"name": "fig6", "title": "k(t)", "finding": "Far below 1.", "notes": [], "images": [name]}
    (folder / "figure.json").write_text(json.dumps(about))
    with pytest.raises(UserError, match=rf"figure\.json.*the drawing .*{name}.* does not lie beside it"):
        stored_figures(tmp_path)
