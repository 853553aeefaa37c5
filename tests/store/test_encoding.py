"""What is stored comes back: every bit of it, and as strict JSON."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from seedproof.store.encoding import dumps, loads

arrays = hnp.arrays(
    dtype=st.sampled_from([np.float16, np.float32, np.float64, np.int64, np.uint8, np.bool_]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
keys = st.text(max_size=4) | st.sampled_from(["float", "dtype", "shape", "base64", "dict"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True, allow_infinity=True) | st.text() | arrays,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def is_same(left: object, right: object) -> bool:
    """Equal in type and in every bit, so that NaN equals NaN and 0.0 does not equal -0.0."""
    if isinstance(left, np.ndarray):
        assert isinstance(right, np.ndarray)
        return (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    if isinstance(left, float):
        return isinstance(right, float) and struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(is_same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(is_same, left, right))
    return type(left) is type(right) and left == right


@given(values)
def test_every_value_comes_back_bit_by_bit(value: object) -> None:
    assert is_same(value, loads(dumps(value)))


@given(values)
def test_the_text_is_strict_json(value: object) -> None:
    """Other programs must be able to read a store: no NaN, no Infinity, one line."""
    text = dumps(value)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert "\n" not in text
    assert text.isascii()


@pytest.mark.parametrize("key", [{"float": "nan"}, {"dict": {}}, {"dtype": "x", "shape": [], "base64": ""}])
def test_a_dictionary_that_looks_like_a_marker_stays_a_dictionary(key: dict[str, object]) -> None:
    assert loads(dumps(key)) == key
    assert loads(dumps({"dict": key})) == {"dict": key}


def test_all_bits_of_a_nan_are_kept() -> None:
    """A NaN with a sign or a payload is not the usual one; Python floats and float32 arrays both keep it."""
    odd = struct.unpack(">d", bytes.fromhex("fff8000000000abc"))[0]
    assert struct.pack(">d", loads(dumps(odd))).hex() == "fff8000000000abc"
    array = np.array([0x7FC00001, 0xFFC00000], np.uint32).view(np.float32)
    assert loads(dumps(array)).view(np.uint32).tolist() == [0x7FC00001, 0xFFC00000]
    assert dumps([math.nan, math.inf, -math.inf]) == '[{"float":"nan"},{"float":"inf"},{"float":"-inf"}]'


def test_bytes_are_little_endian_in_row_order_whatever_the_memory_layout() -> None:
    big = np.arange(6, dtype=">i4").reshape(2, 3).T
    back = loads(dumps(big))
    assert back.tolist() == big.tolist()
    assert json.loads(dumps(np.array([1], ">i2")))["base64"] == "AQA="
    back[0, 0] = 9  # what was read can be written to


def test_numpy_scalars_come_back_as_arrays_without_dimensions() -> None:
    back = loads(dumps(np.float32(0.1)))
    assert (back.dtype, back.shape) == (np.float32, ())
    assert back == np.float32(0.1)


@pytest.mark.parametrize("value", [object(), b"bytes", {1: 2}, {1, 2}, np.array(["a"]), np.array([None]), 1j])
def test_anything_else_is_refused(value: object) -> None:
    """Nothing is pickled, and nothing becomes text by accident."""
    with pytest.raises(TypeError, match="cannot store"):
        dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "{",
        '{"float": 3}',
        '{"dtype": "object", "shape": [], "base64": ""}',
        '{"dtype":"int8","shape":[2],"base64":"AA=="}',
    ],
)
def test_damaged_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        loads(text)
