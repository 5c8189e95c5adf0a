"""Operands: widths fit, the unread bits of sums are dropped, and the design stays equivalent"""

import os
import random
from collections.abc import Callable

import pytest
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from benches.proofs import NARROW, prove_equal
from weft.blocks.sum_tree import SumTree
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.emit import verilog
from weft.emit.operands import fit_operands
from weft.matrix.begun import BegunRows
from weft.primitives.soft_multiplier import SoftMultiplier
from weft_cli.lint import findings

EXPRESSIONS = {
    "sum": lambda a, b, c: a + b,
    "difference": lambda a, b, c: a - b,
    "negative": lambda a, b, c: -a,
    "sum-of-three": lambda a, b, c: a + b + c,
    "difference-of-a-sum": lambda a, b, c: (a + b) - (b + c),
    "high-bits-of-a-sum": lambda a, b, c: (a + b)[1:] + c,
    "product-of-a-sum": lambda a, b, c: (a + b) * c,
    "constant": lambda a, b, c: a + 5,
    "negative-constant": lambda a, b, c: a - 3,
    "equal": lambda a, b, c: a == b,
    "unequal": lambda a, b, c: a + b != c,
    "equal-to-zero": lambda a, b, c: a == 0,
    "less": lambda a, b, c: a < b,
    "at-least": lambda a, b, c: a + b >= c,
    "pick": lambda a, b, c: a.as_unsigned().bit_select(b[:2], 1),
    "pick-from-all": lambda a, b, c: a.as_unsigned().bit_select(b[:4], 1),
}
# fit_operands leaves these unchanged.
PICKS = {
    "of-two": lambda a, b, c: a.as_unsigned().bit_select(c[:3], 2),
    "with-sign": lambda a, b, c: a.as_signed().bit_select(c[:3], 1),
    "from-far": lambda a, b, c: a.as_unsigned().bit_select(b.as_unsigned(), 1),
}


class Calculator(wiring.Component):
    """Expression of three signals, cut or extended to a width, and a running total."""

    def __init__(self, *, expression: Callable, shapes: tuple, width: int):
        self.expression, self.shapes, self.width = expression, shapes, width
        inputs = {name: In(shape) for name, shape in zip("abc", shapes, strict=True)}
        super().__init__({**inputs, "o": Out(signed(width)), "total": Out(width)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [
            self.o.eq(self.expression(self.a, self.b, self.c)),
            self.total.eq(self.total + self.a),
        ]
        return m


def draw_cases(count: int, name: str):
    """Yield shapes of 4 to 9 bits, signed or unsigned, and narrower and wider results."""
    source = random.Random(f"{os.environ['SEED']} {name}")
    for _ in range(count):
        shapes = tuple(source.choice([signed, unsigned])(source.randint(4, 9)) for _ in range(3))
        yield {"shapes": shapes, "width": source.randint(1, 14)}


def emitted_both_ways(monkeypatch, component, parameters) -> tuple[str, str]:
    """Return the Verilog without and with fitted operands."""
    fitted = verilog.make_design("unit", component, **parameters).verilog
    with monkeypatch.context() as patch:
        patch.setattr(verilog, "fit_operands", lambda rtlil: rtlil)
        return verilog.make_design("unit", component, **parameters).verilog, fitted


@pytest.mark.parametrize("name", PICKS)
def test_other_picks_mean_the_same(name, tmp_path, monkeypatch):
    for case in draw_cases(3, name):
        parameters = {"expression": PICKS[name], **case}
        prove_equal(*emitted_both_ways(monkeypatch, Calculator, parameters), tmp_path)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_mean_the_same_and_lint_clean(name, tmp_path, monkeypatch):
    for case in draw_cases(3, name):
        parameters = {"expression": EXPRESSIONS[name], **case}
        before, after = emitted_both_ways(monkeypatch, Calculator, parameters)
        prove_equal(before, after, tmp_path)
        path = tmp_path / "unit.v"
        path.write_text(after)
        assert findings(path) == "", parameters


PARTS = {
    "begun rows": (BegunRows, {"depth": 37}),
    "sum tree": (SumTree, {"lane": signed(4), "lanes": 5, "width": 6}),
    "soft multiplier": (
        SoftMultiplier,
        {"first": signed(6), "second": unsigned(5), "stages": 1},
    ),
    "unit": (AxiMatrixUnit, {"config": NARROW}),
}


@pytest.mark.parametrize("component, parameters", PARTS.values(), ids=PARTS)
def test_parts_mean_the_same(component, parameters, tmp_path, monkeypatch):
    before, after = emitted_both_ways(monkeypatch, component, parameters)
    assert prove_equal(before, after, tmp_path) > 0


def module(width: int, *reads: str, kind: str = "add", sign: int = 0) -> str:
    """Return RTLIL that adds `a` (8 bits) and `b` (4 bits) into an unnamed wire, and reads it."""
    return f"""\
module \\unit
  wire width {width} $1

  cell ${kind} $2
    parameter \\A_SIGNED {sign}
    parameter \\B_SIGNED {sign}
    parameter \\A_WIDTH 8
    parameter \\B_WIDTH 4
    parameter \\Y_WIDTH {width}
    connect \\A \\a [7:0]
    connect \\B {{ 1'0 \\b [2:0] }}
    connect \\Y $1
  end

{"".join(reads)}end
"""


READ = "  connect \\o $1 [{}]\n"
FOREIGN = "  cell \\other \\u\n    connect \\Y $1 [8:0]\n  end\n\n"


@pytest.mark.parametrize(
    "reads, width",
    [
        ([READ.format("6:0")], 7),
        ([READ.format("2:0"), READ.format("7")], 8),
        ([READ.format("3:0"), READ.format("8")], 9),
        ([READ.format("3:0"), "  connect \\p { $1 }\n"], 9),
        ([READ.format("3:0"), FOREIGN], 9),
    ],
    ids=["low", "a-bit-higher", "highest", "whole", "by-a-port-named-like-a-result"],
)
def test_a_sum_is_as_wide_as_the_bits_that_are_read(reads, width):
    fitted = fit_operands(module(9, *reads))
    assert f"  wire width {width} $1\n" in fitted
    assert f"    parameter \\Y_WIDTH {width}\n" in fitted
    top = " ".join(f"\\a [{bit}]" for bit in range(min(width, 8) - 1, -1, -1))
    if width == 8:
        assert "    connect \\A \\a [7:0]\n" in fitted
    else:
        zero = "1'0 " * (width - 8)
        assert f"    connect \\A {{ {zero}{top} }}\n" in fitted
    zeros = "1'0 " * (width - 3)
    assert f"    connect \\B {{ {zeros}\\b [2] \\b [1] \\b [0] }}\n" in fitted


def test_signed_operands_are_extended_and_become_unsigned():
    fitted = fit_operands(module(9, READ.format("8:0"), sign=1))
    assert "    connect \\A { \\a [7] \\a [7] \\a [6]" in fitted
    assert "_SIGNED 1" not in fitted


def test_operands_of_comparisons_stay_signed():
    fitted = fit_operands(module(1, READ.format("0"), kind="lt", sign=1))
    assert fitted.count("_SIGNED 1\n") == 2
    assert "    parameter \\B_WIDTH 8\n" in fitted


def test_an_index_far_wider_than_its_vector_is_left_alone():
    """Extending the vector would only add text."""
    text = module(1, READ.format("0"), kind="shift")
    assert "cell $shiftx" in fit_operands(text)
    wide = text.replace("B_WIDTH 4", "B_WIDTH 6").replace("1'0 \\b [2:0]", "3'000 \\b [2:0]")
    assert fit_operands(wide) == wide


def test_operands_other_than_constants_and_slices_are_refused():
    with pytest.raises(ValueError, match=r"\\b is neither a constant nor a slice"):
        fit_operands(module(9, READ.format("8:0")).replace("\\b [2:0]", "\\b"))
