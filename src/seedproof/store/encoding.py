"""Values as strict JSON, with nothing lost: arrays and numbers that are not finite included.

JSON has no NaN, no infinity and no arrays of a given type. Three one-purpose objects stand for them:

- ``{"float": "nan"}``, ``"inf"``, ``"-inf"``; a NaN whose bits are not the usual ones is ``{"float": "nan:<16 hex>"}``;
- ``{"dtype": "float32", "shape": [2, 3], "base64": "..."}``: the bytes of an array, little endian, in row order; a
  NumPy scalar is written as an array without dimensions and comes back as one;
- ``{"dict": {...}}``: a dictionary of the user's whose keys happen to look like one of these three.

Tuples come back as lists. Any other type is refused, so nothing is ever pickled or turned into text silently.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import Any

import numpy as np

DTYPES = frozenset(
    ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
)
"""Element types that have the same meaning on every machine."""

_FLOAT_KEYS = {"float"}
_ARRAY_KEYS = {"dtype", "shape", "base64"}
_DICT_KEYS = {"dict"}
_MARKS = ('"float"', '"base64"', '"dict"')
"""One of them is in every text that has something to decode."""
_USUAL_NAN = struct.pack(">d", math.nan).hex()


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Write ``value`` as strict JSON, on one line unless ``indent`` is given.

    Raises:
        TypeError: ``value`` holds something that is neither a JSON value nor an array of one of :data:`DTYPES`.
    """
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(encode(value), separators=separators, indent=indent, allow_nan=False)


def encode(value: Any) -> Any:
    """Turn ``value`` into plain JSON values that :func:`decode` turns back.

    Raises:
        TypeError: as :func:`dumps`.
    """
    return _encode(value)


def loads(text: str | bytes) -> Any:
    """Read back what :func:`dumps` wrote; arrays are writable and in the machine's byte order.

    Raises:
        ValueError: ``text`` is not such JSON.
    """
    value = parse(text)
    # Most results hold nothing to decode; to look for it is much faster than to walk through them.
    written = text.decode() if isinstance(text, bytes) else text
    return decode(value) if any(mark in written for mark in _MARKS) else value


def parse(text: str | bytes) -> Any:
    """Read strict JSON; its arrays and numbers that are not finite stay encoded.

    Raises:
        ValueError: ``text`` is not such JSON, or is nested too deeply to be ours.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def decode(value: Any) -> Any:
    """Turn parsed JSON of this format into the values it stands for.

    Raises:
        ValueError: one of the three objects is malformed.
    """
    try:
        return _decode(value)
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError, struct.error) as error:
        raise ValueError(f"not a value of this format: {error!r}") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _encode(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return _encode_array(np.asarray(value))
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": _float_name(value)}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return _encode_dictionary(value)
    raise TypeError(f"cannot store a value of type {type(value).__name__}: {value!r}")


def _encode_dictionary(value: dict[Any, Any]) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"cannot store a dictionary with the key {key!r}: keys must be text")
    encoded = {key: _encode(item) for key, item in value.items()}
    return {"dict": encoded} if value.keys() in (_FLOAT_KEYS, _ARRAY_KEYS, _DICT_KEYS) else encoded


def _encode_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    if array.dtype.name not in DTYPES:
        raise TypeError(f"cannot store an array of {array.dtype}: use one of {', '.join(sorted(DTYPES))}")
    data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return {"dtype": array.dtype.name, "shape": list(array.shape), "base64": base64.b64encode(data).decode("ascii")}


def _float_name(value: float) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    bits = struct.pack(">d", value).hex()
    return "nan" if bits == _USUAL_NAN else f"nan:{bits}"


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = value.keys()
    if keys == _FLOAT_KEYS:
        return _decode_float(value["float"])
    if keys == _ARRAY_KEYS:
        return _decode_array(value)
    content = value["dict"] if keys == _DICT_KEYS else value
    return {key: _decode(item) for key, item in content.items()}


def _decode_float(name: str) -> float:
    if name.startswith("nan:"):
        return float(struct.unpack(">d", bytes.fromhex(name[4:]))[0])
    return float(name)


def _decode_array(value: dict[str, Any]) -> np.ndarray[Any, Any]:
    if value["dtype"] not in DTYPES:
        raise ValueError(f"unknown element type {value['dtype']!r}")
    dtype = np.dtype(value["dtype"])
    flat = np.frombuffer(base64.b64decode(value["base64"], validate=True), dtype=dtype.newbyteorder("<"))
    return flat.astype(dtype).reshape(value["shape"])
