"""SVG files as parts of a page: safe, without clashes of their ids, and in the colours of the page's theme.

A drawing may come from somebody else's store, so only what is known to draw is let through: elements, attributes and
style properties by name. Everything else (scripts, XHTML inside, links, animations, things loaded) is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from seedproof.errors import UserError
from seedproof.report.figures import style


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_ELEMENTS = _words(
    "svg g a defs symbol use title desc path rect circle ellipse line polyline polygon text tspan image clipPath pattern "
    "marker linearGradient radialGradient stop"
)
_PRESENTATION = _words(
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-dasharray "
    "stroke-dashoffset stroke-miterlimit opacity color clip-path clip-rule font font-size font-style font-weight "
    "font-variant font-stretch font-family text-anchor dominant-baseline baseline-shift text-decoration letter-spacing "
    "white-space display visibility vector-effect image-rendering mix-blend-mode stop-color stop-opacity"
)
"""Properties of style, as attributes and within ``style``."""
_ATTRIBUTES = _PRESENTATION | _words(
    "id href style d x y x1 x2 y1 y2 cx cy r rx ry fx fy dx dy width height points transform viewBox preserveAspectRatio "
    "offset gradientUnits gradientTransform spreadMethod patternUnits patternContentUnits patternTransform clipPathUnits "
    "markerWidth markerHeight markerUnits refX refY orient rotate textLength lengthAdjust"
)
_PICTURE = "data:image/png;base64,"
_RUN = re.compile(r"#run=[0-9a-f]+")
"""Where a link may lead: to the look into a run, within the page."""
_INSIDE = re.compile(r"url\(\s*[\"']?#([\w.:-]+)[\"']?\s*\)")
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
    except (OSError, ElementTree.ParseError, ValueError) as error:
        raise UserError(f"cannot put the figure {path} into the report: {error}") from error
    if _local(root.tag, SVG) != "svg":
        raise UserError(f"cannot put the figure {path} into the report: it is no SVG")
    _clean(root, prefix)
    width, height = (_length(root.attrib.pop(name, "")) for name in ("width", "height"))
    root.attrib |= {"role": "img", "aria-label": label}
    root.attrib.setdefault("viewBox", f"0 0 {width:g} {height:g}")
    # A drawing fills the page, enlarged by no more than a third; below two thirds of its size it is scrolled.
    pixels = width * 4 / 3
    root.attrib["style"] = f"max-width:{pixels * 4 / 3:.0f}px;min-width:{pixels * 0.64:.0f}px"
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def _length(text: str) -> float:
    """Points of a width or height."""
    number = re.match(r"\d+\.?\d*", text)
    return float(number[0]) if number else 600.0


def _clean(element: ElementTree.Element, prefix: str) -> None:
    element.tag = _local(element.tag, SVG) or ""
    attributes, element.attrib = element.attrib, {}
    for name, value in attributes.items():
        local = _local(name, XLINK)
        if local in _ATTRIBUTES and (kept := _value(element.tag, local, value, prefix)) is not None:
            element.attrib[local] = kept
    for child in list(element):
        if not isinstance(child.tag, str) or _local(child.tag, SVG) not in _ELEMENTS:
            element.remove(child)
        else:
            _clean(child, prefix)
    if element.tag == "a" and "href" not in element.attrib:
        element.tag = "g"  # what a link elsewhere was around is still part of the drawing


def _value(tag: str, name: str, value: str, prefix: str) -> str | None:
    """The value of an attribute as the page may have it; None: it is left out."""
    if name == "href":
        return _address(tag, value, prefix)
    if name == "id":
        return f"{prefix}-{value}"
    if name == "style":
        return _style(value, prefix)
    if name in _PRESENTATION:
        return _property(value, prefix)
    return _NUMBER.sub(lambda number: f"{float(number[0]):.2f}", value) if name in ("d", "x", "y", "points") else value


def _address(tag: str, value: str, prefix: str) -> str | None:
    if tag == "a":
        return value if _RUN.fullmatch(value) else None
    if tag == "image":
        return value if value.startswith(_PICTURE) else None
    return f"#{prefix}-{value[1:]}" if value.startswith("#") else None


def _style(text: str, prefix: str) -> str:
    """Known properties only, in the colours of the page and in its font: ours was wide, so nothing grows out of its place."""
    kept = []
    for part in text.split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        if name == "font" and (size := re.search(r"[\d.]+px", value)):
            name, value = "font-size", size[0]
        allowed = _property(value, prefix) if name in _PRESENTATION - {"font", "font-family"} else None
        if allowed is not None:
            kept.append(f"{name}: {allowed}")
    return "; ".join(kept)


def _property(value: str, prefix: str) -> str | None:
    """A property's value; None where it would load or compute something."""
    value = _INSIDE.sub(rf"url(#{prefix}-\1)", value)
    rest = value.replace(f"url(#{prefix}-", "")
    if re.search(r"[\\@;{}]|url\s*\(|image\s*\(|expression|/\*", rest, re.IGNORECASE):
        return None
    for colour, role in _ROLES.items():
        value = re.sub(colour, f"var({role})", value, flags=re.IGNORECASE)
    return value


def _local(name: object, namespace: str) -> str | None:
    """``name`` without its namespace, which must be that one or none; None for anything else."""
    space, _, local = str(name).rpartition("}")
    return local if space in ("", f"{{{namespace}") else None
