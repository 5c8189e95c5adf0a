"""Hierarchy: each distinct component becomes one module, and the Verilog is reproducible."""

import os
import re
import subprocess
import sys

import cocotb
from amaranth.back import rtlil
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.coroutines import TIMEOUT, compare, parameters, play, randomness, start
from benches.runner import on_simulators
from weft.blocks.skew import DelayLine, Skew
from weft.emit.verilog import make_design
from weft.hierarchy import cut, instantiate, numbers_below
from weft.matrix.config import MatrixUnitConfig

WIDTH = 8


class Twins(wiring.Component):
    """Two lines of 3 cycles in series, a line of 5 cycles, and one that a reset clears."""

    def __init__(self, *, width: int):
        self.width = width
        outputs = {name: Out(width) for name in ("six", "five", "three")}
        super().__init__({"i": In(width), **outputs})

    def elaborate(self, platform):
        m = Module()
        first = instantiate(m, "first", platform, DelayLine, width=self.width, cycles=3)
        second = instantiate(m, "second", platform, DelayLine, width=self.width, cycles=3)
        longer = instantiate(m, "longer", platform, DelayLine, width=self.width, cycles=5)
        emptied = instantiate(
            m, "emptied", platform, DelayLine, width=self.width, cycles=3, reset=True
        )
        m.d.comb += [
            first.i.eq(self.i),
            second.i.eq(first.o),
            longer.i.eq(self.i),
            emptied.i.eq(self.i),
            self.six.eq(second.o),
            self.five.eq(longer.o),
            self.three.eq(emptied.o),
        ]
        return m


def modules(verilog: str) -> list[str]:
    return re.findall(r"(?m)^module (\w+)", verilog)


def test_same_arguments_share_a_module_and_others_do_not():
    """Four submodules, three distinct: the line with reset differs in a non-integer argument."""
    verilog = make_design("twins", Twins, width=WIDTH).verilog
    names = modules(verilog)
    assert sorted(names) == [
        "twins",
        "twins__delay_line_8x3",
        "twins__delay_line_8x3_2",
        "twins__delay_line_8x5",
    ]
    instances = re.findall(r"(?m)^  (twins__delay_line_\w+) (\w+) \($", verilog)
    assert sorted(instances, key=lambda pair: pair[1]) == [
        ("twins__delay_line_8x3_2", "emptied"),
        ("twins__delay_line_8x3", "first"),
        ("twins__delay_line_8x5", "longer"),
        ("twins__delay_line_8x3", "second"),
    ]


@on_simulators("width", {"8-bits": WIDTH, "1-bit": 1}, verilator=0)
def test_shared_modules(simulate, width):
    simulate([shared_lines_keep_their_own_words], Twins, width=width)


def test_equal_configurations_are_the_same_argument():
    """Parameters are compared by value: equal configurations share a module."""

    class Pair(wiring.Component):
        i: In(2)
        o: Out(2)

        def elaborate(self, platform):
            m = Module()
            for lane in range(2):
                part = instantiate(
                    m, f"part_{lane}", platform, Configured, config=MatrixUnitConfig(rows=3)
                )
                m.d.comb += [part.i.eq(self.i[lane]), self.o[lane].eq(part.o)]
            return m

    assert modules(make_design("pair", Pair).verilog) == ["pair", "pair__configured"]


class Configured(wiring.Component):
    """One register that takes a configuration as parameter."""

    def __init__(self, *, config: MatrixUnitConfig):
        self.config = config
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.i)
        return m


def test_halving_emits_few_modules():
    """A skew of 256 lanes has one module per size, and so have its delay lines."""
    names = modules(make_design("wide", Skew, width=1, lanes=256).verilog)
    assert len(names) == len(set(names))
    skews = [name for name in names if "delay_line" not in name]
    assert skews == ["wide", *sorted(f"wide__skew_1x{1 << size}" for size in range(8))]
    assert len(names) < 30


def test_ordinary_elaboration_gives_submodules():
    """Without a library, `instantiate` adds the component itself, one module per instance."""
    twins = Twins(width=WIDTH)
    text = rtlil.convert(twins, ports=[twins.i, twins.six, twins.five, twins.three])
    submodules = re.findall(r"(?m)^module \\top\.(\w+)$", text)
    assert sorted(submodules) == ["emptied", "first", "longer", "second"]


def test_cuts_into_powers_of_four_and_a_rest():
    for size in range(2, 300):
        pieces = cut(size)
        assert [at for piece in pieces for at in piece] == list(range(size))
        lengths = {len(piece) for piece in pieces[:-1]}
        assert 2 <= len(pieces) <= 4 and len(pieces[-1]) <= max(lengths)
        assert lengths < {4**power for power in range(5)} and len(lengths) == 1


def test_numbers_have_equal_lengths_and_sort():
    for count in (1, 2, 10, 11, 16, 100, 101, 256):
        numbers = numbers_below(count)
        assert [int(number) for number in numbers] == list(range(count))
        assert numbers == sorted(numbers) and len({len(number) for number in numbers}) == 1
    assert numbers_below(10)[-1] == "9" and numbers_below(11)[:2] == ["00", "01"]


SCRIPT = """
import hashlib
from weft.matrix.config import MatrixUnitConfig
from weft.emit.verilog import make_design
from weft.matrix.matrix_unit import MatrixUnit
config = MatrixUnitConfig(rows=5, columns=9, accumulator_depth=7, adder_stages=2)
verilog = make_design("unit", MatrixUnit, config=config).verilog
print(hashlib.sha256(verilog.encode()).hexdigest())
"""


def test_verilog_is_the_same_whatever_the_hash_seed():
    """It is identical from processes whose sets have different orders."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(digests) == 1


def test_verilog_is_the_same_when_made_again():
    """It is identical when one process emits it twice."""
    texts = {make_design("t", Skew, width=3, lanes=5).verilog for _ in range(2)}
    assert len(texts) == 1


@cocotb.test(**TIMEOUT)
async def shared_lines_keep_their_own_words(dut):
    """Instances of one module have separate registers."""
    width = parameters().width
    source = randomness()
    words = [source.getrandbits(width) for _ in range(200)]
    await start(dut)
    trace = await play(dut, [{"i": word} for word in words], ["six", "five", "three"])
    for name, cycles in ("six", 6), ("five", 5), ("three", 3):
        compare(name, trace[name][cycles:], words[: len(words) - cycles])
