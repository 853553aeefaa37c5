"""What a launcher hears of a worker that ends at any moment."""

import queue
import sys
import time

from seedproof.launch.local.process import WorkerProcess, worker_environment


def start(tmp_path, program, kind=WorkerProcess):
    inbox = queue.SimpleQueue()
    return kind([sys.executable, "-c", program], worker_environment(), tmp_path / "worker.log", inbox), inbox


class SlowToRead(WorkerProcess):
    def _read(self, output, inbox):
        time.sleep(0.3)
        super()._read(output, inbox)


def test_a_worker_killed_before_its_output_was_read(tmp_path):
    """The reading thread closes what it reads: closed under its hands, it died of a ValueError now and then."""
    worker, inbox = start(tmp_path, 'import time; print(\'{"event": "x"}\', flush=True); time.sleep(60)', SlowToRead)
    time.sleep(0.2)
    worker.kill()
    assert worker.reap() == -9
    assert worker.process.stdout.closed
    assert inbox.get(timeout=1) in [(worker, {"event": "x"}), (worker, None)]
    assert worker.reap() == -9  # as in a handler of what ended it


def test_a_child_that_outlives_its_worker_and_holds_its_output_keeps_nobody(tmp_path):
    child = "import time; time.sleep(5)"
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}]); sys.stdin.read()"
    worker, _ = start(tmp_path, program)
    started = time.perf_counter()
    assert worker.reap() == 0
    assert time.perf_counter() - started < 4
    assert not worker.log.exists()
    worker._reader.join()
