"""UnitCounters: what each unit of a core does in each cycle of a program."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from ..isa.codes import Unit


class Cause(enum.Enum, shape=4):
    """Why a unit does not work in a cycle; of several causes, the first one counts."""

    WORKING = 0
    INSTRUCTION = 1
    LOAD = 2
    STORE = 3
    WEIGHTS = 4
    MATRIX = 5
    VECTOR = 6
    BANK = 7
    TILES = 8
    RESULTS = 9
    ROOM = 10
    MEMORY = 11


CAUSE_SENTENCES = {
    Cause.WORKING: "it works",
    Cause.INSTRUCTION: "it has no instruction",
    **{Cause[unit.name]: f"its instruction waits for one of {unit.name}" for unit in Unit},
    Cause.BANK: "it waits for a bank of the buffer",
    Cause.TILES: "it waits for a tile of weights",
    Cause.RESULTS: "it waits for result rows",
    Cause.ROOM: "it waits for room for what it produces",
    Cause.MEMORY: "it waits for the memory",
}
_OWN = {
    Unit.LOAD: (Cause.BANK, Cause.MEMORY),
    Unit.STORE: (Cause.BANK, Cause.MEMORY),
    Unit.WEIGHTS: (Cause.BANK, Cause.ROOM, Cause.MEMORY),
    Unit.MATRIX: (Cause.BANK, Cause.TILES, Cause.ROOM),
    Unit.VECTOR: (Cause.BANK, Cause.RESULTS),
}


def causes_of(unit: Unit) -> tuple[Cause, ...]:
    """Return the causes that keep a unit from working, in their order."""
    others = (Cause[other.name] for other in Unit if other != unit)
    return (Cause.INSTRUCTION, *others, *_OWN[unit])


def causes_layout() -> data.StructLayout:
    """Return the layout of a bit for each cause of each unit."""
    return data.StructLayout({counter_name(u, c): 1 for u in Unit for c in causes_of(u)})


def counter_name(unit: Unit, cause: Cause) -> str:
    """Return the name of a counter."""
    return f"{unit.name}_{cause.name}".lower()


COUNTERS = (
    "cycles",
    *(counter_name(unit, cause) for unit in Unit for cause in (Cause.WORKING, *causes_of(unit))),
)


def counts_layout(width: int) -> data.StructLayout:
    """Return the layout of all COUNTERS."""
    return data.StructLayout({name: width for name in COUNTERS})


class UnitCounters(wiring.Component):
    """Count the cycles of a program, and assign each cycle of each unit to one cause.

    A cycle of a unit for which there is no cause counts as WORKING. So the counters of each unit
    add up to `cycles`. They wrap at their width.

    A cycle with `running` is in the counters one cycle later. `snapshot` copies all counters at
    once; `counts` has the copy in the next cycle.

    Parameters
    ----------
    width : int
        Bits of a counter.

    Members
    -------
    clear : 1 bit in. Begin at zero.
    running : 1 bit in. Count this cycle.
    causes : causes_layout() in
    snapshot : 1 bit in
    counts : counts_layout(width) out. The latest snapshot.
    """

    def __init__(self, *, width: int):
        self.width = width
        super().__init__(
            {
                "clear": In(1),
                "running": In(1),
                "causes": In(causes_layout()),
                "snapshot": In(1),
                "counts": Out(counts_layout(width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        counts, steps = Signal(counts_layout(self.width)), Signal(counts_layout(1))
        m.d.comb += steps.cycles.eq(self.running)
        for unit in Unit:
            found = [self.causes[counter_name(unit, cause)] for cause in causes_of(unit)]
            for number, cause in enumerate(causes_of(unit)):
                first = found[number] & ~Cat(*found[:number]).any()
                m.d.comb += steps[counter_name(unit, cause)].eq(self.running & first)
            working = self.running & ~Cat(*found).any()
            m.d.comb += steps[counter_name(unit, Cause.WORKING)].eq(working)
        for name in COUNTERS:
            m.d.sync += counts[name].eq(Mux(self.clear, 0, counts[name] + steps[name]))
        with m.If(self.snapshot):
            m.d.sync += self.counts.eq(counts)
        return m
