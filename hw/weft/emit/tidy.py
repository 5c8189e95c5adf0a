"""Shorten the Verilog that Yosys writes for readers, without changing its meaning."""

import re
import textwrap
from collections import Counter
from dataclasses import dataclass, field

WIDTH = 100
NAME = r"(?:\w+|\\\S+ )"
SHAPE = r"(?:signed )?(?:\[\d+:\d+\] )?"
ZERO = r"\d+'[bdh]0+\b"
MODULE = re.compile(rf"(?ms)^module ({NAME})\((.*?)\);\n(.*?)^endmodule$")
DECLARATION = re.compile(rf"(?m)^  (input|output|wire|reg) ({SHAPE})({NAME});\n")
INITIALIZED = re.compile(rf"(?m)^  reg ({SHAPE})({NAME}) = (\d+'\w+);\n")
INITIAL = re.compile(rf"(?m)^  initial ({NAME}) = (\d+'\w+);\n")


def tidy(verilog: str) -> str:
    """Shorten the text of `write_verilog -noattr` and drop its header, which names the build.

    Ports are declared in the port list, and signals of equal width share a declaration. One block
    sets the initial values, and one block holds consecutive registers of a clock. An enable that is
    the AND of two becomes nested conditions, outputs of instances drive slices of a signal that
    joins them, a repeated bit becomes a replication, and a loop sets the zeros of a memory.

    Raises
    ------
    ValueError
        If the declaration of a port has an unknown form.
    """
    verilog = verilog.split("\n", 2)[2]
    verilog = MODULE.sub(_tidy_module, verilog)
    return re.sub(r"\b(\d+)'h0{9,}\b", r"\1'd0", verilog).rstrip() + "\n"


def _tidy_module(module: re.Match) -> str:
    name, ports, body = module.groups()
    signals = _Signals()
    body = signals.take(body)
    body = _clear_memories(body, signals)
    body = _nest_enables(body, signals)
    body = _connect_slices(body, signals)
    for step in (_replicate, _reduce, _join_registers, _enclose, _wrap_connections):
        body = step(body)
    heads = signals.heads(re.findall(NAME, ports))
    return f"module {name} (\n{heads}\n);\n{signals.declarations()}{body}endmodule"


@dataclass
class _Signals:
    """Declarations of a module, by name of the signal."""

    directions: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    initial: dict[str, str] = field(default_factory=dict)

    def take(self, body: str) -> str:
        """Collect the declarations of a module body, and return the body without them."""
        for kind, shape, name in DECLARATION.findall(body):
            (self.directions if kind in ("input", "output") else self.kinds)[name] = kind
            self.shapes[name] = shape
        for shape, name, value in INITIALIZED.findall(body):
            self.kinds[name], self.shapes[name], self.initial[name] = "reg", shape, value
        self.initial |= INITIAL.findall(body)
        for pattern in (DECLARATION, INITIALIZED, INITIAL):
            body = pattern.sub("", body)
        return body

    def heads(self, ports: list[str]) -> str:
        """Return the port list: ports of equal declaration together, in the order of the first."""
        lists: dict[str, list[str]] = {}
        for port in ports:
            if port not in self.directions:
                raise ValueError(f"the declaration of port {port} is not understood")
            kind = self.kinds.get(port, "wire")
            lists.setdefault(f"{self.directions[port]} {kind} {self.shapes[port]}", []).append(port)
        return ",\n".join(
            _fill(f"{declared}{', '.join(names)}", "  ") for declared, names in lists.items()
        )

    def declarations(self) -> str:
        """Return the declarations of wires, then of registers, then the initial values."""
        lists: dict[tuple[str, str], list[str]] = {}
        for name, kind in self.kinds.items():
            if name not in self.directions:
                lists.setdefault((kind, self.shapes[name]), []).append(name)
        lines = [
            _fill(f"{kind} {shape}{', '.join(names)};", "  ")
            for (kind, shape), names in sorted(lists.items(), key=lambda item: item[0][0] == "reg")
        ]
        if self.initial:
            values = (re.sub(ZERO, "0", value) for value in self.initial.values())
            pairs = zip(self.initial, values, strict=True)
            lines += ["  initial begin", *(f"    {name} = {value};" for name, value in pairs)]
            lines.append("  end")
        return "".join(f"{line}\n" for line in lines)

    def is_bit(self, name: str) -> bool:
        return not self.shapes.get(name)

    def is_wire(self, name: str) -> bool:
        return name not in self.directions and self.kinds.get(name) == "wire"

    def width(self, name: str) -> int:
        bits = re.search(r"\[(\d+):(\d+)\]", self.shapes[name])
        return int(bits[1]) - int(bits[2]) + 1 if bits else 1


def _clear_memories(body: str, signals: _Signals) -> str:
    """Set the initial zeros of a memory in a loop."""

    def loop(match: re.Match) -> str:
        words = re.findall(rf"(\w+)\[(\d+)\] = {ZERO};", match[0])
        memory, block = words[0][0], f"clear_{words[0][0]}"
        in_order = words == [(memory, str(index)) for index in range(len(words))]
        if not in_order or memory == "word" or block in signals.shapes:
            return match[0]
        return (
            f"  initial begin : {block}\n    integer word;\n"
            f"    for (word = 0; word < {len(words)}; word = word + 1) {memory}[word] = 0;\n  end\n"
        )

    return re.sub(rf"  initial begin\n(?:    \w+\[\d+\] = {ZERO};\n)+  end\n", loop, body)


def _nest_enables(body: str, signals: _Signals) -> str:
    """Write a register's enable `a & b` as `if (a) if (b)`.

    A simulator then evaluates an `a` that many registers share only once.
    """
    for line, enable, outer, inner in re.findall(
        r"(?m)(^  assign (_\d+_) = (\w+) & (\w+(?:\[\d+\])?);\n)", body
    ):
        # An `else` would belong to the inner condition.
        use = rf"(?m)^    if \({enable}\) (?=.*\n(?!    else))"
        used_once = len(re.findall(rf"\b{enable}\b", body)) == 2 and re.search(use, body)
        if used_once and all(map(signals.is_bit, (enable, outer, inner))):
            del signals.kinds[enable]
            body = re.sub(use, f"    if ({outer}) if ({inner}) ", body.replace(line, ""))
    return body


def _connect_slices(body: str, signals: _Signals) -> str:
    """Connect outputs of instances with slices of a signal, instead of joining them in an `assign`.

    The outputs are wires that nothing else reads, with two underscores in their names.
    """
    joined = re.findall(r"(?m)(^  assign (\w+) = \{ (\w+__\w+(?:, \w+__\w+)+) \};\n)", body)
    uses = Counter(re.findall(r"\w+", body)) if joined else {}
    for line, whole, parts in joined:
        wires = parts.split(", ")
        if all(signals.is_wire(wire) and uses[wire] == 2 and f"({wire})" in body for wire in wires):
            body = body.replace(line, "")
            low = 0
            for wire in reversed(wires):
                high = low + signals.width(wire) - 1
                place = f"{high}:{low}" if high > low else f"{low}"
                body = body.replace(f"({wire})", f"({whole}[{place}])")
                del signals.kinds[wire]
                low = high + 1
    return body


def _replicate(body: str) -> str:
    """Write `sign, sign, sign, sign` within a concatenation as `{4{sign}}`."""
    repeated = r"(?<=[{ ])(\w+(?:\[\d+\])?)((?:, \1(?![\w\[])){2,})"
    return re.sub(repeated, lambda m: f"{{{m[2].count(',') + 1}{{{m[1]}}}}}", body)


def _reduce(body: str) -> str:
    """Write `! word` as `~| word`, because linters expect one bit after `!`."""
    return re.sub(r"(?m)^(  assign .* = )! (?=.*;$)", r"\1~| ", body)


def _join_registers(body: str) -> str:
    """Put consecutive registers of one clock into one block."""

    def join(match: re.Match) -> str:
        statements = match[0].replace(f"{match[1]}\n", "")
        return f"{match[1]} begin\n{statements}  end\n"

    statements = r"(?:    (?!.*\b(?:begin|end)\b).*\n)+"
    blocks = rf"(?m)^(  always @\(posedge \w+\))\n{statements}(?:\1\n{statements})+"
    return re.sub(blocks, join, body)


def _enclose(body: str) -> str:
    """Enclose a condition with an `else` within another condition in `begin` and `end`."""
    nested = r"(?m)^(    if \(.*\))\n(      if \(.*\) .*;\n      else .*;\n)"
    return re.sub(nested, r"\1 begin\n\2    end\n", body)


def _wrap_connections(body: str) -> str:
    """Put the connections of an instance side by side."""
    connections = r"(?m)(?:^    \.\w+\(.*\),?\n)*^    \.\w+\(.*\)$"
    return re.sub(connections, lambda m: _fill(" ".join(m[0].split()), "    "), body)


def _fill(text: str, indent: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
