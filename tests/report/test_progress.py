"""What a person sees while a study runs, with a clock that the test moves."""

from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from seedproof import events
from seedproof.report.progress import Progress, duration


class Clock:
    """Seconds that pass only when told."""

    now = 0.0

    def __call__(self):
        return self.now


def finished(run, outcome="succeeded"):
    return events.Finished(run=run, outcome=outcome, score=0.5)


def plain(runs, **options):
    console = Console(file=io.StringIO(), width=60)
    clock = Clock()
    return Progress(runs, console=console, clock=clock, **options), console.file, clock


def test_plain_says_little_and_counts_failures():
    """50 runs, every fifth failed: a first line, one per tenth with the time left, nothing repeated at the end."""
    progress, written, clock = plain(50)
    with progress:
        for number in range(50):
            clock.now += 60.0
            progress(events.Started(run=str(number)))
            progress(events.Progress(run=str(number), step=1, steps=2, loss=0.7))
            progress(finished(str(number), "failed" if number % 5 == 0 else "succeeded"))
    lines = written.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "0 of 50 runs finished, 0 failed"
    assert lines[1] == "5 of 50 runs finished, 1 failed, about 45 min left"
    assert lines[-1] == "50 of 50 runs finished, 10 failed"


def test_plain_announces_a_crash_at_once():
    """A crash is a fault: its message is written whole, brackets and all, on one line."""
    progress, written, _ = plain(4, labels={"a": "glue/rte devlin seed 0"})
    message = "[red] " + "x" * 100
    with progress:
        progress(events.Crashed(run="a", message=message))
    assert written.getvalue().splitlines() == [
        "0 of 4 runs finished, 0 failed",
        f"crashed: glue/rte devlin seed 0: {message}",
        "0 of 4 runs finished, 0 failed, 1 crashed",
    ]


def test_time_left_counts_only_what_was_done_now():
    """On resuming, 8 of 10 were there: one run in 100 s leaves 100 s for the other, not a ninth of it."""
    progress, written, clock = plain(10, finished=8, failed=2)
    with progress:
        clock.now = 100.0
        progress(finished("a"))
        assert "9 of 10 runs finished, 2 failed, about 2 min left" in written.getvalue()


def test_interrupted_runs_are_not_finished():
    """They leave the display and change no count; the last line still says where the study stands."""
    progress, written, _ = plain(2)
    with progress:
        progress(events.Started(run="a"))
        progress(events.Interrupted(run="a"))
    assert written.getvalue().splitlines() == ["0 of 2 runs finished, 0 failed"] * 2


def test_ctrl_c_is_answered_at_once():
    """A step of a large model takes its time: who pressed Ctrl-C must not think that it was not heard."""
    progress, written, _ = plain(2)
    with progress:
        progress(events.Stopping())
        assert "stopping after the present step" in written.getvalue()
        assert "again stops at once" in written.getvalue()


def test_a_study_that_was_finished_before():
    """Nothing to do is one line."""
    progress, written, _ = plain(3, finished=3, failed=1)
    with progress:
        pass
    assert written.getvalue() == "3 of 3 runs finished, 1 failed\n"


def test_unknown_events_are_passed_over():
    """Launchers may learn to say more."""
    progress, written, _ = plain(3)
    progress(events.Event(run="a"))
    assert written.getvalue() == ""


@pytest.mark.parametrize("width", [80, 120])
def test_live_shows_each_active_run(width):
    """Label, step and loss of each active run under the overall line, inside the width."""
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=width, legacy_windows=False)
    clock = Clock()
    progress = Progress(10, console=console, clock=clock, live=True, labels={"a": "glue/rte, bert, [b]devlin seed 3"})
    with progress:
        progress(events.Started(run="a"))
        progress(events.Started(run="b"))
        progress(events.Progress(run="a", step=30, steps=100, loss=0.6931))
        progress(finished("c", "failed"))
        clock.now = 13.0
        progress._live.refresh()
    text = console.export_text()
    assert "glue/rte, bert, [b]devlin seed 3" in text
    assert "step 30/100, loss 0.693" in text
    assert "starting" in text
    assert "1 of 10 runs finished, 1 failed, about 1 min left" in text.replace("\n", " ")
    assert text.rstrip().endswith("1 of 10 runs finished, 1 failed")


@pytest.mark.parametrize("width", [80, 120])
def test_a_frame_fits_and_shows_step_and_loss_whole(width):
    """A long label gives way, the numbers do not."""
    progress, written, _ = plain(10, labels={"a": "glue/mrpc, bert-large-uncased, " + "devlin(epochs=10) " * 5})
    progress(events.Progress(run="a", step=3000, steps=10000, loss=0.6931))
    Console(file=written, width=width).print(progress._render())
    assert max(map(len, written.getvalue().splitlines())) <= width
    assert "step 3000/10000, loss 0.693" in written.getvalue()


def test_a_terminal_gets_the_live_display_and_a_file_does_not():
    """The choice follows from the console; a dumb terminal cannot move its cursor."""
    assert Progress(1, console=Console(force_terminal=True, file=io.StringIO(), _environ={"TERM": "xterm"}))._is_live
    assert not Progress(1, console=Console(force_terminal=True, file=io.StringIO(), _environ={"TERM": "dumb"}))._is_live
    assert not Progress(1, console=Console(file=io.StringIO()))._is_live


def test_live_display_and_crash_lines_do_not_block_each_other():
    """A crash is printed while the display redraws itself from its own thread: each needs the other's lock."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    progress = Progress(500, console=console, live=True)

    def work():
        for number in range(200):
            progress(events.Crashed(run=str(number), message="m"))

    with progress:
        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        while worker.is_alive() and progress.crashed < 200:
            progress._live.refresh()
        worker.join(timeout=10)
        assert not worker.is_alive()
    assert progress.crashed == 200


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.31, "0.3 s"),
        (0.97, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "1 h 00 min"),
        (12000, "3 h 20 min"),
        (172800, "48 h 00 min"),
        (172900, "2 d 0 h"),
        (442800, "5 d 3 h"),
    ],
)
def test_durations(seconds, said):
    """Rounded as a person would."""
    assert duration(seconds) == said
