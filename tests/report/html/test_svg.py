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
    assert "max-width:533px" in text


LEADING_AWAY = """<!DOCTYPE svg [<!ENTITY elsewhere "http://elsewhere.invalid/e">]>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xhtml" xmlns:xlink="http://www.w3.org/1999/xlink"
  width="300" height="100" style="background: url(http://elsewhere.invalid/b)">
 <x:meta http-equiv="refresh" content="0;url=http://elsewhere.invalid/m"/><x:base href="http://elsewhere.invalid/"/>
 <foreignObject width="300" height="99"><x:form action="http://elsewhere.invalid/f"><x:button autofocus="">go</x:button></x:form>
  <x:iframe src="http://elsewhere.invalid/i"/><x:meta http-equiv="refresh" content="0;url=http://elsewhere.invalid/n"/></foreignObject>
 <style>@import url(http://elsewhere.invalid/s); rect { fill: url(http://elsewhere.invalid/r) }</style>
 <script href="http://elsewhere.invalid/j">location = "http://elsewhere.invalid/k"</script>
 <image href="http://elsewhere.invalid/p" width="9" height="9"/><use xlink:href="http://elsewhere.invalid/u#a"/>
 <set attributeName="href" to="http://elsewhere.invalid/t"/><animate attributeName="href" values="javascript:alert(1)"/>
 <a href="&elsewhere;" target="_top" ping="http://elsewhere.invalid/q"><rect id="outside" width="90" height="90"/></a>
 <a xlink:href="javascript:location='http://elsewhere.invalid/v'"><rect id="code" x="100" width="90" height="90"
  style="fill: url(http://elsewhere.invalid/w); filter: url(http://elsewhere.invalid/y); stroke: u\\72l(http://elsewhere.invalid/z)"
  onclick="location='http://elsewhere.invalid/o'" fill="url('http://elsewhere.invalid/l')"/></a>
 <a xlink:href="#run=0123456789abcdef"><rect id="run" x="200" width="90" height="90" style="fill: #0072b2"/></a>
</svg>"""
"""Everything by which a drawing was or could be made to lead a browser away."""


def test_a_drawing_leads_nowhere_but_to_a_run(tmp_path):
    """What is not known to draw is left out; the shapes stay, and so does the link into the page."""
    (tmp_path / "a.svg").write_text(LEADING_AWAY)
    text = inline_svg(tmp_path / "a.svg", "f1", "")
    for word in (
        "elsewhere",
        "javascript",
        "meta",
        "form",
        "base",
        "iframe",
        "import",
        "onclick",
        "ping",
        "target",
        "filter",
    ):
        assert word not in text
    assert text.count("<rect") == 3
    assert text.count("<a ") == 1
    assert '<a href="#run=0123456789abcdef">' in text


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
