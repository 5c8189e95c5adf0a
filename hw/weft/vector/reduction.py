"""Steps of reductions: the sum or the maximum of two numbers."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from .beats import WORD


def reduced(m: Module, first: Value, second: Value, *, maximum: Value, name: str) -> Value:
    """Return the greater of two signed(32) if `maximum`, otherwise their sum modulo 2**32.

    One adder computes the sum, or the difference that tells which one is greater.
    """
    total, out = Signal(WORD.width + 1, name=f"{name}_total"), Signal(WORD, name=name)
    inverted = Cat(second, second[-1]) ^ maximum.replicate(WORD.width + 1)
    m.d.comb += [
        total.eq(Cat(first, first[-1]) + inverted + maximum),
        out.eq(Mux(maximum, Mux(total[-1], second, first), total)),
    ]
    return out


def identity(maximum: Value) -> Value:
    """Return the number that changes no reduction."""
    return Mux(maximum, -(1 << (WORD.width - 1)), 0)
