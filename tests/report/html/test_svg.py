"""Figures become parts of a page: harmless, with ids of their own, in the colours of the theme."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError
from seedproof.report.figures import style
from seedproof.report.html.svg import inline_svg

DRAWING = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300pt" height="100pt"
  viewBox="0 0 300 100" onload="alert(1)">
 <metadata>made today</metadata><script>alert(1)</script>
 <defs><clipPath id="clip"><rect width="1" height="1"/></clipPath><path id="mark" d="M 1.23456 2"/></defs>
 <g clip-path="url(#clip)"><use xlink:href="#mark" style="fill: #0072b2; stroke: #222222"/></g>
 <a xlink:href="http://elsewhere/"><text style="font-family: 'DejaVu Sans'; fill: #123456">a &lt;b&gt; &amp; c</text></a>
</svg>"""


def test_only_the_drawing_is_left(tmp_path):
    (tmp_path / "a.svg").write_text(DRAWING)
    text = inline_svg(tmp_path / "a.svg", "f1", 'said "aloud"')
    assert text.startswith("<svg ")
    for word in ("script", "alert", "metadata", "onload", "http", "DejaVu"):
        assert word not in text
    assert 'clip-path="url(#f1-clip)"' in text
    assert 'id="f1-clip"' in text
    assert 'href="#f1-mark"' in text
    assert "a &lt;b&gt; &amp; c" in text
    assert 'aria-label="said &quot;aloud&quot;"' in text
    assert "max-width:400px" in text


def test_our_colours_follow_the_theme_and_others_stay(tmp_path):
    (tmp_path / "a.svg").write_text(DRAWING)
    text = inline_svg(tmp_path / "a.svg", "f1", "")
    assert "fill: var(--succeeded); stroke: var(--ink)" in text
    assert "#123456" in text
    assert style.BLUE.lower() not in text


@pytest.mark.parametrize("content", [None, "no xml", "<html/>"])
def test_what_is_no_drawing_is_named(tmp_path, content):
    path = tmp_path / "a.svg"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"cannot put the figure .*a\.svg into the report"):
        inline_svg(path, "f1", "")
