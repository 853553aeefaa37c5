"""The laboratory's commands: what they cannot write or draw is refused."""

from __future__ import annotations

from tests.cli.test_cli import refused


def test_a_text_without_a_line_or_a_folder_is_refused(tmp_path):
    """A file with one blank line said that it had -3 sentences."""
    out = tmp_path / "text.txt"
    assert "give at least 1" in refused("miniature", "text", "--out", out, "--lines", -3)
    assert not out.exists()
    assert "there is no folder" in refused("miniature", "text", "--out", tmp_path / "none" / "text.txt")
