"""Arrays made by their buffers are those that pyarrow makes, and nothing imports pandas."""

import math
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from indexer.files.arrow import as_numbers, make_array

NUMBERS = [3, -1, None, 2**40]
TEXTS = ["a", "", None, "ü\x00日"]
PLACE = pa.struct({"source": pa.string(), "n": pa.int32()})
COLUMNS = [
    (NUMBERS, pa.int64()),
    ([1, None, 3], pa.int16()),
    ([1.5, None, -0.0, math.inf], pa.float64()),
    ([1.5, None], pa.float32()),
    ([True, None, False] * 5, pa.bool_()),
    (TEXTS, pa.string()),
    ([b"a", None, b"\x00"], pa.binary()),
    ([["a", None], None, []], pa.list_(pa.string())),
    ([[1.0, 2.0], None, [3.0]], pa.list_(pa.float32())),
    ([[np.float32(1), 2.5], [3.0]], pa.list_(pa.float32())),
    ([[{"source": "s", "n": 3}, None], None, [{"n": None}]], pa.list_(PLACE)),
    ([{"source": None}, None], PLACE),
    ([[[1], []], None], pa.list_(pa.list_(pa.int8()))),
    ([], pa.string()),
    ([], pa.list_(PLACE)),
    ([None, None], pa.float32()),
    ([1, 2.5, np.float64(3)], pa.float64()),
    (["a", None], None),
    ([1, None], None),
    ([True], None),
    ([], None),
    ([1, 2.5], None),
    (TEXTS, pa.large_string()),
    (["a", "b"], pa.dictionary(pa.int32(), pa.string())),
]
WRONG = [
    (["a"], pa.int64()),
    ([1], pa.string()),
    ([300], pa.int8()),
    ([["a"]], pa.list_(pa.int32())),
    ([1], pa.bool_()),
    (["\ud800"], pa.string()),
]


@pytest.mark.parametrize(("values", "kind"), COLUMNS, ids=str)
def test_python_values_become_what_pyarrow_makes_of_them(values, kind):
    ours, theirs = make_array(values, kind), pa.array(values, kind)
    ours.validate(full=True)
    assert ours.type == theirs.type
    assert ours.equals(theirs)


@pytest.mark.parametrize(("values", "kind"), WRONG, ids=repr)
def test_what_pyarrow_refuses_is_refused(values, kind):
    with pytest.raises((pa.ArrowException, TypeError, UnicodeError)) as theirs:
        pa.array(values, kind)
    with pytest.raises(theirs.type):
        make_array(values, kind)


@pytest.mark.parametrize("dtype", ["i1", "u8", "i4", "f2", "f4", "f8", "?", "U3", "O"])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_arrays_of_numpy_become_what_pyarrow_makes_of_them(dtype, step):
    values = np.array([0, 1, 2, 3, 1], dtype)[::step]
    ours, theirs = make_array(values), pa.array(values)
    ours.validate(full=True)
    assert ours.equals(theirs)


def test_a_type_that_is_asked_for_is_given():
    ours = make_array(np.array([1.0, np.nan], np.float64), pa.float32())
    assert ours.type == pa.float32()
    assert ours.null_count == 0
    assert np.isnan(as_numbers(ours)[1])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], pa.int32()),
        ([1, None, 3], pa.int64()),
        ([1.5, None], pa.float32()),
        ([True, False, True], pa.bool_()),
        ([], pa.float64()),
    ],
)
def test_columns_become_what_numpy_makes_of_them(values, kind):
    whole = pa.chunked_array([pa.array(values, kind), pa.array(values[:1], kind)])
    for column in (whole, whole.slice(1), whole.chunk(0).slice(len(values) and 1)):
        chunks = getattr(column, "chunks", [column])
        theirs = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
        np.testing.assert_array_equal(as_numbers(column), np.concatenate(theirs))


def test_nothing_of_it_imports_pandas():
    code = (
        "import sys, numpy as np, pyarrow as pa\n"
        "from indexer.files.arrow import make_array, as_numbers\n"
        "kind = pa.list_(pa.struct({'a': pa.string(), 'b': pa.float32()}))\n"
        "make_array([[{'a': 'x', 'b': 1.0}], None], kind)\n"
        "as_numbers(make_array(np.arange(3.0))), as_numbers(make_array([1, None]))\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
