"""CoreConfig: sizes that fit together, and one sentence for those that do not."""

import dataclasses

import pytest

from weft.core.core_config import (
    CORES,
    SMALL,
    TINY,
    TPU_V1,
    BufferConfig,
    BusConfig,
    QueueConfig,
    VectorConfig,
    core_of,
)
from weft.matrix.config import MatrixUnitConfig


def test_named_cores_have_the_sizes_of_their_names():
    sizes = {name: (core.lanes, core.vector.lanes) for name, core in CORES.items()}
    assert sizes == {"tiny": (4, 1), "small": (16, 4), "ulx3s": (8, 2), "tpu_v1": (256, 64)}
    # TPU v1: 24 MiB of buffer, 4 tiles, 4096 accumulators.
    assert TPU_V1.buffer.rows * TPU_V1.capacity.row_bytes == 24 << 20
    assert (TPU_V1.queues.tiles, TPU_V1.matrix.accumulator_depth) == (4, 4096)
    assert SMALL.operand_width == 8
    beats = {name: core.bus.data_width for name, core in CORES.items()}
    assert beats == {"tiny": 32, "small": 128, "ulx3s": 64, "tpu_v1": 512}


def unit(**changes) -> MatrixUnitConfig:
    return dataclasses.replace(SMALL.matrix, **changes)


REFUSED = {
    "oblong": (
        {"matrix": unit(rows=8)},
        "the array of a core must be square, not 8 x 16",
    ),
    "side": (
        {"matrix": unit(rows=6, columns=6)},
        "the sides of the array of a core must be a multiple of 4, not 6",
    ),
    "formats": (
        {"matrix": unit(activation="int8")},
        "the matrix unit of a core must have activations and weights of int8,uint8 with zero "
        "points, not int8 and int8,uint8 with zero points",
    ),
    "zero points": (
        {"matrix": unit(zero_points=False)},
        "the matrix unit of a core must have activations and weights of int8,uint8 with zero "
        "points, not int8,uint8 and int8,uint8 without zero points",
    ),
    "sums": (
        {"matrix": unit(accumulator_width=24)},
        "the sums of a core must have 32 bits, not 24",
    ),
    "vector lanes": (
        {"vector": VectorConfig(lanes=5)},
        "the lanes of the vector unit must divide N = 16, not 5",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_sizes_that_do_not_fit_are_refused(case):
    changes, sentence = REFUSED[case]
    with pytest.raises(ValueError) as refusal:
        dataclasses.replace(SMALL, **changes)
    assert str(refusal.value) == sentence


def test_parts_are_checked():
    with pytest.raises(ValueError, match=r"^rows must be a multiple of the number of banks, 4, no"):
        BufferConfig(rows=10, banks=4)
    with pytest.raises(ValueError, match=r"^the rows of a bank must be a power of two, not 12: 48"):
        BufferConfig(rows=48, banks=4)
    with pytest.raises(ValueError, match=r"^tiles must be an integer from 1 to 255, not 0$"):
        QueueConfig(tiles=0)
    with pytest.raises(ValueError, match="data_width must be a power of two, not 96"):
        BusConfig(data_width=96)
    with pytest.raises(ValueError, match=r"^lanes must be an integer from 4 to 256, not 260$"):
        core_of(lanes=260, buffer=BufferConfig(), accumulators=16)
    with pytest.raises(TypeError, match=r"^buffer must be a BufferConfig, not 64$"):
        dataclasses.replace(SMALL, buffer=64)


def test_a_core_runs_programs_that_need_at_most_what_it_has():
    assert not TINY.lacks(TINY.capacity)
    assert not TINY.lacks(dataclasses.replace(TINY.capacity, buffer_rows=1, queue_slots=1))
    for changes, sentence in (
        ({"lanes": 8}, "the program needs a core with lanes = 8, not 4"),
        ({"operand_width": 16}, "the program needs a core with operand_width = 16, not 8"),
        (
            {"buffer_rows": 5000},
            "the program needs a core with buffer_rows of at least 5,000, not 1,024",
        ),
    ):
        assert TINY.lacks(dataclasses.replace(TINY.capacity, **changes)) == [sentence]
    for name in ("queue_slots", "fifo_tiles", "result_rows", "accumulators", "row_scalars"):
        more = {name: getattr(TINY.capacity, name) + 1}
        (sentence,) = TINY.lacks(dataclasses.replace(TINY.capacity, **more))
        assert f" {name} of at least " in sentence
