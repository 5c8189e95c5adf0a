"""Parts of a value, of equal widths: the choice of one by its number."""

from amaranth.hdl import Mux, Value


def part_of(value: Value, number: Value, width: int) -> Value:
    """Return the part `number` of a value, `width` bits; zeros beyond its end.

    A tree of multiplexers. Amaranth's `word_select` becomes a wide shift in Verilog, of which most
    bits are dropped, and linters warn about that.
    """
    for bit in reversed(range(len(number))):
        half = width << bit
        value = Mux(number[bit], value[half:][:half], value[:half])
    return value[:width]
