"""Harness: what a proof puts around the hardware, and what it says about it."""

from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value

TOP = "harness"
# The register of this name is clear at first; all others begin with anything.
STARTED = "started"
# What the outputs are called, which are high where something is wrong, or is reached.
WRONG, REACHED = "wrong_", "reached_"


class Harness:
    """A circuit around the hardware that tells in each cycle whether it behaves.

    A subclass draws the hardware and a specification in `describe`. There it calls `assume` with
    what the environment promises, `prove` with what must then hold, and `reach` with what must be
    possible, so that no proof is empty.

    All registers and memories begin with anything at all, and the first cycle is a reset. So
    what is proved holds after a reset in any state, and at any time.

    What is said counts from the cycle after the reset, and as long as every assumption has held in
    every cycle since.
    """

    def __init__(self):
        self._inputs: list[Value] = []
        self._assumed: list[Value] = []
        self._proved: dict[str, Value] = {}
        self._reached: dict[str, Value] = {}

    def describe(self, m: Module) -> None:
        """Draw the hardware and say what holds of it."""
        raise NotImplementedError

    def anything(self, shape, name: str) -> Signal:
        """Another value each cycle, any of its shape."""
        signal = Signal(shape, name=name)
        self._inputs.append(Value.cast(signal))
        return signal

    def some_constant(self, m: Module, shape, name: str) -> Signal:
        """Any value of its shape, the same in all cycles."""
        signal = Signal(shape, name=name, reset_less=True)
        # Without an assignment it would be the constant zero, and no register.
        m.d.sync += signal.eq(signal)
        return signal

    def assume(self, *conditions: Value) -> None:
        self._assumed += conditions

    def prove(self, name: str, condition: Value) -> None:
        self._proved[name] = condition

    def reach(self, name: str, condition: Value) -> None:
        self._reached[name] = condition

    def rtlil(self) -> str:
        """The circuit; its outputs in the order in which they were named, proofs first."""
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.domains.always = always = ClockDomain(reset_less=True)
        clock = Signal(name="clock")
        started = Signal(name=STARTED)
        m.d.comb += [sync.clk.eq(clock), always.clk.eq(clock), sync.rst.eq(~started)]
        self.describe(m)
        held = Signal(reset_less=True)
        counts = Signal()
        m.d.always += [started.eq(1), held.eq(~started | counts)]
        m.d.comb += counts.eq(started & held & Cat(*[c.bool() for c in self._assumed]).all())
        outputs = []
        for prefix, conditions in (
            (WRONG, {name: ~c.bool() for name, c in self._proved.items()}),
            (REACHED, {name: c.bool() for name, c in self._reached.items()}),
        ):
            for name, condition in conditions.items():
                output = Signal(name=prefix + name)
                m.d.comb += output.eq(counts & condition)
                outputs.append(output)
        ports = [clock, *self._inputs, *outputs]
        return rtlil.convert(m, name=TOP, ports=ports, emit_src=False)


def delayed(m: Module, value: Value, cycles: int, name: str) -> Value:
    """A value of so many cycles ago; zero where that was before the reset."""
    for cycle in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{cycle + 1}")
        m.d.sync += register.eq(value)
        value = register
    return value


@dataclass(frozen=True)
class Followed:
    """One thing, any of them, on its way through a queue, by three bits: it `enters` in this cycle,
    it has entered and not left (`inside`), and it `leaves` in this cycle."""

    enters: Signal
    inside: Signal
    leaves: Signal


def follow(harness: Harness, m: Module, enters: Value, leaves: Value, there: Signal) -> Followed:
    """Follow one of the things that enter a queue of which `there` are inside before this cycle.

    Since it may be any of them, what is proved of it is proved of all.
    """
    chosen = harness.anything(1, "chosen")
    entered, left = Signal(name="followed_entered"), Signal(name="followed_left")
    ahead = Signal.like(there, name="ahead_of_followed")
    followed = Followed(Signal(name="followed_enters"), Signal(), Signal(name="followed_leaves"))
    m.d.comb += [
        followed.enters.eq(chosen & enters & ~entered),
        followed.inside.eq(entered & ~left),
        followed.leaves.eq(followed.inside & leaves & ~ahead.any()),
    ]
    with m.If(followed.enters):
        m.d.sync += [entered.eq(1), ahead.eq(there - leaves)]
    with m.Elif(leaves & ahead.any()):
        m.d.sync += ahead.eq(ahead - 1)
    with m.If(followed.leaves):
        m.d.sync += left.eq(1)
    return followed
