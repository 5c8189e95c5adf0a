"""Binary AIGER files: read their contents, and keep one of their outputs.

A literal is twice the number of a signal, plus one if the signal is inverted. Literal 0 is never
high (Biere, Heljanko and Wieringa, AIGER 1.9 and beyond, 2011).
"""

NEVER_HIGH = 0


def register_count(aiger: bytes) -> int:
    return int(_sizes(aiger)[2])


def output_literals(aiger: bytes) -> list[int]:
    """Return the literal of each output, in order."""
    _, _, registers, outputs, _ = map(int, _sizes(aiger))
    return [int(line) for line in _lines(aiger, registers + outputs)[registers:-1]]


def with_one_output(aiger: bytes, output: int, inverted: bool = False) -> bytes:
    """Return the file with only one of its outputs, given by its index."""
    highest, inputs, registers, outputs, gates = _sizes(aiger)
    lines = _lines(aiger, int(registers) + int(outputs))
    literal = int(lines[int(registers) + output]) ^ inverted
    head = b" ".join([b"aig", highest, inputs, registers, b"1", gates])
    return b"\n".join([head, *lines[: int(registers)], str(literal).encode(), lines[-1]])


def _sizes(aiger: bytes) -> list[bytes]:
    """Return the highest signal, and the numbers of inputs, registers, outputs and gates."""
    return aiger.split(b"\n", 1)[0].split()[1:6]


def _lines(aiger: bytes, count: int) -> list[bytes]:
    """Return the first `count` lines after the header, and everything after them as one item."""
    return aiger.split(b"\n", 1)[1].split(b"\n", count)
