"""Sequencer: from the bytes of a program to the starts of its instructions."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from ..isa.codes import Opcode, Unit
from ..isa.fields import Field
from ..isa.instructions import HALT, KINDS
from ..isa.kind import DRAIN_INTERVAL, Kind, wait_name
from ..isa.layouts import instruction_layout, shape_of
from .decoder import Decoder
from .issue import Issue
from .ports import FaultCode, fault_layout, program_unit_layout, unit_port

# Each unit executes one kind of instruction.
KIND_OF = {kind.unit: kind for kind in KINDS.values() if kind.unit is not None}
WAITS = [HALT.by_name[wait_name(unit)] for unit in Unit]
_USED_HERE = {"opcode", *(wait.name for wait in WAITS)}


def kept_fields(kind: Kind) -> list[Field]:
    """Return the fields that the unit of an instruction receives; the sequencer uses the others."""
    return [field for field in kind.fields if field.name not in _USED_HERE]


def kept_layout(kind: Kind) -> data.StructLayout:
    """Return the layout of these fields without gaps, in which they wait."""
    return data.StructLayout({field.name: shape_of(field) for field in kept_fields(kind)})


class Sequencer(wiring.Component):
    """Check the instructions of a program, dispatch them in order, and start each when it may.

    `launch` begins a program, whose units of 32 bytes then come. It ends with HALT, after which
    `done` is high for one cycle, or when an instruction is illegal or `stop` is high; then `flush`
    is high for one cycle, in which all units discard what they do. `fault` says why; it stays until
    the next program begins.

    An instruction is dispatched at the earliest Decoder.latency cycles after its last unit. All
    later latencies are those of Issue.

    Parameters
    ----------
    slots : int
        Unfinished instructions that each unit holds.

    Members
    -------
    launch : 1 bit in, ignored while a program is running
    stop : 1 bit in. There is an error elsewhere, or the host ends the program.
    left_over : 1 bit in. There are tiles in the weight FIFO, result rows or unfinished sums; it
        counts when all instructions have finished.
    program : stream of program_unit_layout()
    running : 1 bit out
    done, flush : 1 bit out, for one cycle
    fault : fault_layout(), out
    waiting : a bit per unit for each unit, out. Its next instruction waits for these units.
    load, store, weights, matrix, vector : unit_port(instruction_layout(kind)), out. The opcode and
        the waits are zero.
    """

    def __init__(self, *, slots: int):
        self.slots = slots
        super().__init__(
            {
                "launch": In(1),
                "stop": In(1),
                "left_over": In(1),
                "program": In(stream.Signature(program_unit_layout())),
                "running": Out(1),
                "done": Out(1),
                "flush": Out(1),
                "fault": Out(fault_layout()),
                "waiting": Out(data.ArrayLayout(len(Unit), len(Unit))),
                **{
                    unit.name.lower(): Out(unit_port(instruction_layout(KIND_OF[unit])))
                    for unit in Unit
                },
            }
        )

    def elaborate(self, platform):
        m = Module()
        decoder = instantiate(m, "decoder", platform, Decoder)
        issue = instantiate(
            m,
            "issue",
            platform,
            Issue,
            shapes=tuple(kept_layout(KIND_OF[unit]) for unit in Unit),
            slots=self.slots,
            wait_width=WAITS[0].width,
            most=DRAIN_INTERVAL,
        )
        connect(m, decoder.units, flipped(self.program))
        m.d.comb += [
            issue.launch.eq(self.launch),
            decoder.enable.eq(issue.running),
            issue.instructions.valid.eq(decoder.instructions.valid),
            decoder.instructions.ready.eq(issue.instructions.ready),
            self.running.eq(issue.running),
            self.done.eq(issue.done),
            self.flush.eq(issue.flush),
            self.waiting.eq(issue.waiting),
        ]
        self._issue(m, decoder.instructions.payload, issue.instructions.payload)
        for unit in Unit:
            self._connect_unit(m, unit, getattr(issue, f"port_{unit.value}"))
        self._report(m, decoder, issue)
        return m

    def _issue(self, m: Module, decoded, issued) -> None:
        """Name the fields of a decoded instruction for its unit."""
        kinds = [*KINDS]
        head = instruction_layout(HALT)(decoded.bits[: instruction_layout(HALT).size])
        m.d.comb += [
            issued.halt.eq(decoded.kind[kinds.index(Opcode.HALT)]),
            issued.unit.eq(Cat(decoded.kind[kinds.index(KIND_OF[unit].opcode)] for unit in Unit)),
            issued.waits.eq(Cat(head[wait.name] for wait in WAITS)),
        ]
        for unit in Unit:
            layout = instruction_layout(KIND_OF[unit])
            whole = layout(decoded.bits[: layout.size])
            fields = issued.fields[f"of_{unit.value}"]
            m.d.comb += [
                fields[field.name].eq(whole[field.name]) for field in kept_fields(KIND_OF[unit])
            ]

    def _connect_unit(self, m: Module, unit: Unit, inner: wiring.PureInterface) -> None:
        """Connect a unit to its queue."""
        outer, kind = getattr(self, unit.name.lower()), KIND_OF[unit]
        stored, offered = inner.instructions, outer.instructions
        m.d.comb += [
            *[offered.payload[f.name].eq(stored.payload[f.name]) for f in kept_fields(kind)],
            offered.valid.eq(stored.valid),
            stored.ready.eq(offered.ready),
            outer.may_start.eq(inner.may_start),
            inner.starts.eq(outer.starts),
            inner.finishes.eq(outer.finishes),
        ]

    def _report(self, m: Module, decoder, issue) -> None:
        """Stop at a fault, and report it."""
        found, ending = decoder.fault, issue.instructions
        wrong = Signal()
        m.d.comb += [
            wrong.eq(found.code != FaultCode.NONE),
            issue.stop.eq(self.stop | wrong),
        ]
        with m.If(self.launch & ~self.running):
            m.d.sync += self.fault.eq(0)
        with m.Elif(self.running & wrong):
            m.d.sync += self.fault.eq(found)
        with m.Elif(ending.valid & ending.ready & ending.payload.halt & self.left_over):
            m.d.sync += [self.fault.eq(found), self.fault.code.eq(FaultCode.LEFT_OVER)]
