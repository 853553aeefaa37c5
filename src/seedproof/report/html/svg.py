"""SVG files as parts of a page: safe, without clashes of their ids, and in the colours of the page's theme."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from seedproof.errors import UserError
from seedproof.report.figures import style

_ROLES = {
    style.DARK: "--ink",
    style.GRAY: "--figure-gray",
    style.LIGHT: "--figure-light",
    style.GRID: "--figure-grid",
    style.BLUE: "--succeeded",
    style.VERMILION: "--failed",
    "#ffffff": "--figure-paper",
    "#000000": "--ink",
}
"""The colours of our figures and the page's variables that stand for them: a dark page redraws them light."""
_FORBIDDEN = ("script", "foreignObject", "metadata", "style", "animate", "set", "iframe")
_NUMBER = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(path: Path, prefix: str, label: str) -> str:
    """Read an SVG file as an element of an HTML page.

    Args:
        path: the file.
        prefix: put before every id, so that no two figures of a page share one.
        label: what a screen reader says.

    Raises:
        UserError: the file is missing or no SVG.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (OSError, ElementTree.ParseError) as error:
        raise UserError(f"cannot put the figure {path} into the report: {error}") from error
    if _local(root.tag) != "svg":
        raise UserError(f"cannot put the figure {path} into the report: it is no SVG")
    _clean(root, prefix)
    width, height = (re.sub(r"[^\d.]", "", root.attrib.pop(name, "")) for name in ("width", "height"))
    root.attrib |= {"role": "img", "aria-label": label}
    root.attrib.setdefault("viewBox", f"0 0 {width} {height}")
    # The size it was drawn at, in points, is the largest that it is shown at; below two thirds of it, it is scrolled.
    pixels = float(width or 600) * 1.333
    root.attrib["style"] = f"max-width:{pixels:.0f}px;min-width:{pixels * 0.64:.0f}px"
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _clean(element: ElementTree.Element, prefix: str) -> None:
    element.tag = _local(element.tag)
    for name, value in list(element.attrib.items()):
        del element.attrib[name]
        local = _local(name)
        leads_away = local == "href" and not value.startswith(("#", "data:image/png;base64,"))
        if not local.startswith("on") and not leads_away:
            element.attrib[local] = _value(local, value, prefix)
    for child in list(element):
        if not isinstance(child.tag, str) or _local(child.tag) in _FORBIDDEN:
            element.remove(child)
        else:
            _clean(child, prefix)


def _value(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href":
        return f"#{prefix}-{value[1:]}" if value.startswith("#") else value
    value = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", value)
    if name == "style":
        for colour, role in _ROLES.items():
            value = re.sub(colour, f"var({role})", value, flags=re.IGNORECASE)
        # The page's own font: figures were laid out with a wide one, so nothing grows out of its place.
        value = re.sub(r"font:\s*([\d.]+px)[^;]*", r"font-size:\1", value)
        value = re.sub(r"font-family:[^;]*;?", "", value)
    return _NUMBER.sub(lambda number: f"{float(number[0]):.2f}", value) if name in ("d", "x", "y", "points") else value


def _local(name: str) -> str:
    return name.rsplit("}", 1)[-1]
