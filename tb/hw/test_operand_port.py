"""OperandPort: lanes, pieces and operands of every set of formats are just wide enough."""

import itertools

import pytest

from weft.formats import IntegerFormat, OperandFormats
from weft.operand_port import MAX_PIECES, OperandPort

SETS = [
    OperandFormats.parse(names)
    for names in (
        *("int8", "uint8", "int1", "uint1", "int16", "uint16"),
        *("int8,uint8", "uint8,int16", "int4,uint8", "int8,uint4", "uint4,uint8"),
        "int3,uint5,int7,uint12",
    )
]


def port_of(formats: OperandFormats, cell_width: int, zero_points: bool = False) -> OperandPort:
    return OperandPort.of("activation", formats, cell_width=cell_width, zero_points=zero_points)


def ports():
    for formats, cell_width in itertools.product(SETS, range(17)):
        widest = max(number.width for number in formats)
        if cell_width and widest > MAX_PIECES * cell_width:
            continue
        for zero_points in (False, True):
            yield formats, cell_width, port_of(formats, cell_width, zero_points)


def ranges_of(formats: OperandFormats, port: OperandPort) -> list[tuple[int, int]]:
    """Return the smallest and the largest number of every piece of every format."""
    ranges = []
    for number in formats:
        pieces = port.pieces_of(number)
        ranges += [(0, (1 << port.lane.width) - 1)] * (pieces - 1)
        above = port.lane.width * (pieces - 1)
        ranges.append((number.minimum >> above, number.maximum >> above))
    return ranges


@pytest.mark.parametrize("zero_points", [False, True])
def test_operands_hold_every_piece_and_are_no_wider_than_needed(zero_points):
    checked = 0
    for formats, cell_width, port in ports():
        if port.zero_points != zero_points:
            continue
        checked += 1
        ranges = ranges_of(formats, port)
        if zero_points:
            # Both are pieces of the same number.
            ranges = [(low - high, high - low) for low, high in ranges]
        least = min(low for low, _ in ranges)
        most = max(high for _, high in ranges)
        about = f"{formats}, {cell_width} bits: {port}"
        assert port.operand.minimum <= least and most <= port.operand.maximum, about
        assert port.operand.width <= port.lane.width + 1, about
        assert port.operand.signed or least >= 0, about
    assert checked > 100


def test_lanes_are_as_wide_as_the_cells():
    for formats, cell_width, port in ports():
        widest = max(number.width for number in formats)
        assert port.lane.width == min(cell_width or widest, widest)
        for number in formats:
            pieces = port.pieces_of(number)
            assert (pieces - 1) * port.lane.width < number.width <= pieces * port.lane.width
        both = {low < 0 for low, _ in ranges_of(formats, port)} == {True, False}
        assert port.decodes == (port.signed_at_run_time or port.zero_points)
        assert both or not port.signed_at_run_time


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint5"])
def test_one_format_in_one_piece_is_the_operand(name):
    port = port_of(OperandFormats.parse(name), 0)
    assert port.lane == port.operand == IntegerFormat.parse(name)
    assert not port.decodes


def test_int8_and_uint8_are_int9_inside():
    port = port_of(OperandFormats.parse("int8,uint8"), 0)
    assert (str(port.lane), str(port.operand), port.signed_at_run_time) == ("uint8", "int9", True)
    # A format that fits in another one needs no bit.
    assert not port_of(OperandFormats.parse("int8,uint4"), 0).decodes


def test_too_many_pieces_are_refused():
    sentence = "cell_width must be at least 4 for activation int16, not 3: .* at most 4 pieces"
    with pytest.raises(ValueError, match=sentence):
        port_of(OperandFormats.parse("int16"), 3)
