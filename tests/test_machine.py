"""What this machine has for runs, also where a container may use a part of it alone."""

from __future__ import annotations

import os

import pytest

from seedproof import machine


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "1600000 100000"}, 8),
        ({"batch/cpu.max": "300000 100000", "batch/job/cpu.max": "max 100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({"cpu/v1/cpu.cfs_quota_us": "400000", "cpu/v1/cpu.cfs_period_us": "100000"}, 4),
    ],
)
def test_no_more_cores_than_the_quota_of_a_container_is_worth(tmp_path, monkeypatch, files, cores):
    """With a worker for each core of the machine, 64 of them would share the time of two cores, and all of the memory."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(machine, "OWN_GROUPS", tmp_path / "own")
    (tmp_path / "own").write_text("4:memory:/else\n3:cpu,cpuacct:/v1\n0::/batch/job\n")
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    assert machine.usable_cores() == cores
