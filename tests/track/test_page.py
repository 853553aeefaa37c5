"""The tracker that docs/trackers.md shows runs, by its written name."""

from __future__ import annotations

import json
import re

from tests.conftest import REPOSITORY
from tests.track.handmade import ENDS

from seedproof.track.whole import track


def test_the_tracker_of_the_page_runs(store, tmp_path, monkeypatch):
    page = (REPOSITORY / "docs" / "trackers.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(# my_trackers\.py\n.*?)```", page, re.DOTALL)
    (tmp_path / "my_trackers.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    written = f"my_trackers:Lines:{tmp_path / 'lines'}"
    assert [track(store, written).there for _ in range(2)] == [0, 4]
    ends = [json.loads(file.read_text().splitlines()[-1])["outcome"] for file in (tmp_path / "lines").iterdir()]
    assert sorted(ends) == sorted(ENDS.values())
