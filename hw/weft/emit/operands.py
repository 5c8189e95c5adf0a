"""Fit the widths of operands to their results, in RTLIL as Amaranth writes it.

Amaranth omits the extension of an operand and keeps the carry of a sum. Both are legal Verilog, and
linters warn about both. This step extends the operands, drops the high bits of a sum that nothing
reads, and extends a vector that is indexed to as many bits as the index has values.
"""

import re

# Their low result bits do not depend on the high bits of the operands.
SUMS = ("add", "sub", "neg")
# With operands of equal widths, their results do not depend on signedness.
EQUALITIES = ("eq", "ne")
ORDERS = ("lt", "le", "gt", "ge")
PICK = "shift"
# An index with more values than this many times the width of its vector is left alone.
REACH = 4

MODULE = re.compile(r"(?ms)^module .*?^end$")
FITTED = re.compile(
    rf"(?m)^  cell \$({'|'.join((*SUMS, *EQUALITIES, *ORDERS, PICK))}) (\S+)\n"
    r"((?:    .+\n)+)  end\n"
)
SETTING = re.compile(r"(?m)^    (?:parameter|connect) \\(\w+) (.+)$")
OPERANDS = ("A", "B")
PORTS = (*OPERANDS, "Y")
NAMELESS = re.compile(r"(?m)^  wire width (\d+) (\$\d+)$")
READ = re.compile(r"(?<= )(\$\d+)(?: \[(\d+)(?::\d+)?\])?(?=\s)")
PART = re.compile(r"\d+'([01]+)|(\S+) \[(\d+)(?::(\d+))?\]|\S+")


def fit_operands(rtlil: str) -> str:
    """Return equivalent RTLIL, in which operands and unnamed sums have fitting widths."""
    return MODULE.sub(lambda match: _fit_module(match[0]), rtlil)


def _fit_module(rtlil: str) -> str:
    highest = _highest_bits_read(rtlil)
    shorter: dict[str, int] = {}
    rtlil = FITTED.sub(lambda match: _fitted(match, highest, shorter), rtlil)
    if not shorter:
        return rtlil
    rtlil = NAMELESS.sub(
        lambda match: f"  wire width {shorter.get(match[2], match[1])} {match[2]}", rtlil
    )
    # The operands of the shortened sums may now be shortened too.
    return _fit_module(rtlil)


def _highest_bits_read(rtlil: str) -> dict[str, int]:
    """Map each unnamed wire to its highest bit that is read, except wires that are read whole."""
    highest = dict.fromkeys((wire for _, wire in NAMELESS.findall(rtlil)), 0)
    results = r"(?m)^(  cell \$(?:.*\n)+?)    connect \\Y .*\n(  end)$"
    reads = re.sub(r"(?m)^  (?:wire|cell|process) .*$", "", re.sub(results, r"\1\2", rtlil))
    for wire, bit in READ.findall(reads):
        if not bit:
            highest.pop(wire, None)
        elif wire in highest:
            highest[wire] = max(highest[wire], int(bit))
    return highest


def _fitted(match: re.Match, highest: dict[str, int], shorter: dict[str, int]) -> str:
    """Return a cell with fitted operands; record its result in `shorter` if that is cut."""
    kind, name, settings = match[1], match[2], dict(SETTING.findall(match[3]))
    operands = [port for port in OPERANDS if port in settings]
    width = {port: int(settings[f"{port}_WIDTH"]) for port in (*operands, "Y")}
    if kind == PICK:
        places = 2 ** width["B"]
        if settings["A_SIGNED"] != "0" or width["Y"] != 1 or places > REACH * width["A"]:
            return match[0]
        kind, wanted = "shiftx", {"A": places}
    elif kind in SUMS:
        result = settings["Y"]
        fitting = min(width["Y"], highest.get(result, width["Y"]) + 1)
        if fitting < width["Y"]:
            shorter[result] = fitting
            settings["Y_WIDTH"] = str(fitting)
        wanted = dict.fromkeys(operands, fitting)
    else:
        wanted = dict.fromkeys(operands, max(width[port] for port in operands))
    for port, fitting in wanted.items():
        if fitting != width[port]:
            settings[port] = _extended(settings[port], settings[f"{port}_SIGNED"] == "1", fitting)
            settings[f"{port}_WIDTH"] = str(fitting)
    if kind not in ORDERS:
        settings |= {f"{port}_SIGNED": "0" for port in operands}
    lines = (
        f"    {'connect' if key in PORTS else 'parameter'} \\{key} {value}\n"
        for key, value in settings.items()
    )
    return f"  cell ${kind} {name}\n{''.join(lines)}  end\n"


def _extended(signal: str, signed: bool, width: int) -> str:
    """Return a signal of constants and slices, extended or cut to `width` bits."""
    bits: list[str] = []
    for part in PART.finditer(signal.strip("{} ")):
        constant, wire, high, low = part.groups()
        if constant:
            bits += [f"1'{digit}" for digit in constant]
        elif wire:
            bits += [f"{wire} [{bit}]" for bit in range(int(high), int(low or high) - 1, -1)]
        else:
            raise ValueError(f"{part[0]} is neither a constant nor a slice")
    bits = [bits[0] if signed else "1'0"] * (width - len(bits)) + bits[-width:]
    return f"{{ {' '.join(bits)} }}"
