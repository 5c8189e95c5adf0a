"""Harness: the circuit of a proof, with the hardware, its specification and its properties."""

from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import Cat, ClockDomain, Module, Signal, Value

TOP = "harness"
# This register is initially zero; all others have arbitrary initial values.
STARTED = "started"
# Prefixes of outputs that are high when a property fails, or a condition is reached.
WRONG, REACHED = "wrong_", "reached_"


class Harness:
    """A circuit around the hardware that checks its behaviour in each cycle.

    A subclass instantiates the hardware and a specification in `describe`. There it calls `assume`
    for guarantees of the environment, `prove` for properties that must hold, and `reach` for
    conditions that must be possible, so that no proof is vacuous.

    All registers and memories have arbitrary initial values, and the first cycle is a reset. A
    proved property therefore holds after a reset in any state, at any time.

    Properties and conditions count from the cycle after the reset, while every assumption has held
    in every cycle since.
    """

    def __init__(self):
        self._inputs: list[Value] = []
        self._assumed: list[Value] = []
        self._proved: dict[str, Value] = {}
        self._reached: dict[str, Value] = {}

    def describe(self, m: Module) -> None:
        """Instantiate the hardware and state its properties."""
        raise NotImplementedError

    def anything(self, shape, name: str) -> Signal:
        """Return an arbitrary value of a shape, a new one in each cycle."""
        signal = Signal(shape, name=name)
        self._inputs.append(Value.cast(signal))
        return signal

    def some_constant(self, m: Module, shape, name: str) -> Signal:
        """Return an arbitrary value of a shape that is the same in all cycles."""
        signal = Signal(shape, name=name, reset_less=True)
        # Without an assignment it would be the constant zero instead of a register.
        m.d.sync += signal.eq(signal)
        return signal

    def assume(self, *conditions: Value) -> None:
        self._assumed += conditions

    def prove(self, name: str, condition: Value) -> None:
        self._proved[name] = condition

    def reach(self, name: str, condition: Value) -> None:
        self._reached[name] = condition

    def rtlil(self) -> str:
        """Return the circuit; outputs of `prove` come first, then those of `reach`, in order."""
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
    """Return the value of `cycles` cycles ago; zero before the reset."""
    for cycle in range(cycles):
        register = Signal(value.shape(), name=f"{name}_{cycle + 1}")
        m.d.sync += register.eq(value)
        value = register
    return value


@dataclass(frozen=True)
class Followed:
    """One arbitrary item in a queue.

    `enters`: it enters in this cycle. `inside`: it has entered and not left. `leaves`: it leaves in
    this cycle.
    """

    enters: Signal
    inside: Signal
    leaves: Signal


def follow(harness: Harness, m: Module, enters: Value, leaves: Value, count: Signal) -> Followed:
    """Follow one arbitrary item of a queue that has `count` items before this cycle.

    The item is arbitrary, so a property of it holds for all items.
    """
    chosen = harness.anything(1, "chosen")
    entered, left = Signal(name="followed_entered"), Signal(name="followed_left")
    ahead = Signal.like(count, name="ahead_of_followed")
    followed = Followed(Signal(name="followed_enters"), Signal(), Signal(name="followed_leaves"))
    m.d.comb += [
        followed.enters.eq(chosen & enters & ~entered),
        followed.inside.eq(entered & ~left),
        followed.leaves.eq(followed.inside & leaves & ~ahead.any()),
    ]
    with m.If(followed.enters):
        m.d.sync += [entered.eq(1), ahead.eq(count - leaves)]
    with m.Elif(leaves & ahead.any()):
        m.d.sync += ahead.eq(ahead - 1)
    with m.If(followed.leaves):
        m.d.sync += left.eq(1)
    return followed
