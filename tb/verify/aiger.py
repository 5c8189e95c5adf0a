"""Binary AIGER files: what one holds, and one of its outputs alone.

A literal is twice the number of a signal, and one more where it is inverted; 0 is never high
(Biere, Heljanko and Wieringa, AIGER 1.9 and beyond, 2011).
"""

NEVER_HIGH = 0


def register_count(aiger: bytes) -> int:
    return int(_sizes(aiger)[2])


def output_literals(aiger: bytes) -> list[int]:
    """The literal of each output, in their order."""
    _, _, registers, outputs, _ = map(int, _sizes(aiger))
    return [int(line) for line in _lines(aiger, registers + outputs)[registers:-1]]


def with_one_output(aiger: bytes, output: int, inverted: bool = False) -> bytes:
    """The file with one of its outputs, by its number, and no other."""
    highest, inputs, registers, outputs, gates = _sizes(aiger)
    lines = _lines(aiger, int(registers) + int(outputs))
    literal = int(lines[int(registers) + output]) ^ inverted
    head = b" ".join([b"aig", highest, inputs, registers, b"1", gates])
    return b"\n".join([head, *lines[: int(registers)], str(literal).encode(), lines[-1]])


def _sizes(aiger: bytes) -> list[bytes]:
    """Highest signal, and numbers of inputs, registers, outputs and gates."""
    return aiger.split(b"\n", 1)[0].split()[1:6]


def _lines(aiger: bytes, count: int) -> list[bytes]:
    """So many lines after the first one, and all that follows them."""
    return aiger.split(b"\n", 1)[1].split(b"\n", count)
