"""What Yosys writes as Verilog, said in less: shorter for a reader, the same for a tool."""

import re
import textwrap

WIDTH = 100


def tidy(verilog: str) -> str:
    """Tidy up the text of `write_verilog -noattr`; its header, which names its build, is left out.

    Ports are declared in the list of ports, an enable that is the AND of two becomes nested
    conditions, a repeated bit a replication, the zeros of a memory a loop.
    """
    verilog = verilog.split("\n", 2)[2]
    verilog = re.sub(r"(?ms)^module .*?^endmodule", lambda m: _tidy_module(m[0]), verilog)
    return re.sub(r"(\d+)'h0{9,}(?![0-9a-f])", r"\1'd0", verilog).rstrip() + "\n"


def _tidy_module(module: str) -> str:
    for step in (_clear_memories, _replicate, _nest_enables, _declare_ports_once, _list_wires):
        module = step(module)
    return _wrap_connections(module)


def _clear_memories(module: str) -> str:
    """One loop for the initial zeros of a memory."""

    def loop(match: re.Match) -> str:
        memory, count = match[1], match[0].count(";")
        return (
            f"  initial begin : clear_{memory}\n    integer word;\n"
            f"    for (word = 0; word < {count}; word = word + 1) {memory}[word] = 0;\n  end\n"
        )

    zeros = r"  initial begin\n(?:    (\w+)\[\d+\] = \d+'[hdb]0+;\n)+  end\n"
    return re.sub(zeros, loop, module)


def _replicate(module: str) -> str:
    """`{4{sign}}` for `sign, sign, sign, sign` within a concatenation."""
    repeated = r"(?<=[{ ])(\w+(?:\[\d+\])?)((?:, \1(?![\w\[])){2,})"
    return re.sub(repeated, lambda m: f"{{{m[2].count(',') + 1}{{{m[1]}}}}}", module)


def _nest_enables(module: str) -> str:
    """`if (a) if (b)` for a register's enable `a & b`.

    A simulator looks once at an `a` that many registers have in common.
    """
    wide = set(re.findall(r"(?m)^  \w+ \[.*?\] (\w+)", module))
    for line, enable, outer, inner in re.findall(
        r"(?m)(^  assign (_\d+_) = (\w+) & (\w+(?:\[\d+\])?);\n)", module
    ):
        # An `else` would belong to the inner condition.
        use = rf"(?m)^    if \({enable}\) (?=.*\n(?!    else))"
        if wide & {enable, outer, inner} or not re.search(use, module):
            continue
        if len(re.findall(rf"\b{enable}\b", module)) == 3:
            module = module.replace(line, "").replace(f"  wire {enable};\n", "")
            module = re.sub(use, f"    if ({outer}) if ({inner}) ", module)
    return module


def _fill(text: str, indent: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent="    ", break_long_words=False
    )


def _list_wires(module: str) -> str:
    """Wires of one width that follow each other in one declaration."""

    def listed(match: re.Match) -> str:
        names = re.findall(r"(\w+);", match[0])
        return _fill(f"wire {match[1]}{', '.join(names)};", "  ") + "\n"

    return re.sub(r"(?m)^  wire ((?:\[\d+:\d+\] )?)\w+;\n(?:^  wire \1\w+;\n)+", listed, module)


def _wrap_connections(module: str) -> str:
    """An instance's connections side by side."""
    connections = r"(?m)(?:^    \.\w+\(.*\),?\n)*^    \.\w+\(.*\)$"
    return re.sub(connections, lambda m: _fill(" ".join(m[0].split()), "    "), module)


def _declare_ports_once(module: str) -> str:
    """Directions, widths and initial values of ports in the list of ports."""
    ((name, listed, body),) = re.findall(r"(?s)^module (\w+)\((.*?)\);\n(.*)", module)
    ports = {}
    for line, direction, width, port in re.findall(
        r"(?m)(^  (input|output) (\[\d+:\d+\] )?(\w+);\n)", body
    ):
        body = body.replace(line, "", 1)
        kind = value = ""
        if again := re.search(rf"(?m)^  (wire|reg) {re.escape(width)}{port}( = .*)?;\n", body):
            body = body.replace(again[0], "", 1)
            kind = "reg " if again[1] == "reg" else ""
            value = again[2] or ""
        ports[port] = f"  {direction} {kind}{width}{port}{value}"
    heads = ",\n".join(ports[port] for port in re.findall(r"\w+", listed))
    return f"module {name} (\n{heads}\n);\n{body}"
