"""A folder is kept only where it answers as in training, and replaced only where it is a fit's own."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError
from seedproof.fitting.folder import check_answers, check_out

pytestmark = pytest.mark.slow


def test_a_folder_that_answers_otherwise_is_not_kept(fitted):
    task, best = fitted.told.task, fitted.judgement.best
    with pytest.raises(RuntimeError, match="answers otherwise than in training: development example"):
        check_answers(fitted.path, task.dev, -best.outputs, "single_label_classification", "fp32")


def test_a_folder_of_something_else_is_never_replaced(fitted, tmp_path):
    assert check_out(fitted.path) == fitted.path
    (tmp_path / "mine.txt").write_text("x")
    with pytest.raises(UserError, match="holds something that seedproof fit did not write"):
        check_out(tmp_path)
