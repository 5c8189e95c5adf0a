"""GatedCore: a sequencer and a data path, without the units that use memory or lanes.

GatedVectorCore: the same with a vector unit.
"""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.buffer.unified_buffer import read_port, write_layout
from weft.core.core_config import CoreConfig
from weft.core.data_path import OUTER_READERS, WRITERS, DataPath
from weft.core.errors import CoreError
from weft.core.vector_unit import VectorUnit
from weft.hierarchy import instantiate
from weft.isa.codes import Unit
from weft.isa.layouts import instruction_layout
from weft.matrix.layouts import Error, result_layout
from weft.sequencer.ports import program_unit_layout
from weft.sequencer.sequencer import KIND_OF, Sequencer

OUTER_UNITS = (Unit.LOAD, Unit.STORE, Unit.VECTOR)


def do_name(unit: Unit) -> str:
    """Return the name of the stream of instructions of a unit."""
    return f"do_{unit.name.lower()}"


class GatedCore(wiring.Component):
    """A core whose other units are ports. A unit takes an instruction when it may start.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    launch : 1 bit in, program : stream, done : 1 bit out. See Sequencer.
    do_load, do_store, do_vector : streams of instructions, out. The transfer is the start.
    did_load, did_store, did_vector : 1 bit in. An instruction finishes.
    started, finished : a bit per unit out. An instruction starts or finishes.
    x, y, store, vector, load, results, errors : see DataPath
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        super().__init__(self.members_of(config))

    @staticmethod
    def members_of(config: CoreConfig) -> dict[str, wiring.Member]:
        """Return the members by name."""
        sizes = {"rows": config.buffer.rows, "width": config.lanes * config.operand_width}
        return {
            "launch": In(1),
            "program": In(stream.Signature(program_unit_layout())),
            "done": Out(1),
            **{
                do_name(unit): Out(stream.Signature(instruction_layout(KIND_OF[unit])))
                for unit in OUTER_UNITS
            },
            **{f"did_{unit.name.lower()}": In(1) for unit in OUTER_UNITS},
            "started": Out(len(Unit)),
            "finished": Out(len(Unit)),
            **{name: In(read_port(**sizes)) for name in OUTER_READERS},
            **{name: In(stream.Signature(write_layout(**sizes))) for name in WRITERS},
            "results": Out(stream.Signature(result_layout(config.matrix))),
            "errors": Out(Error),
        }

    def elaborate(self, platform):
        m = Module()
        slots = self.config.queues.slots
        sequencer = instantiate(m, "sequencer", platform, Sequencer, slots=slots)
        path = instantiate(m, "data_path", platform, DataPath, config=self.config)
        connect(m, flipped(self.program), sequencer.program)
        for name in (*OUTER_READERS, *WRITERS):
            connect(m, flipped(getattr(self, name)), getattr(path, name))
        connect(m, path.results, flipped(self.results))
        m.d.comb += [
            sequencer.launch.eq(self.launch),
            self.done.eq(sequencer.done),
            self.errors.eq(path.errors),
        ]
        for unit in Unit:
            port = getattr(sequencer, unit.name.lower())
            if unit in OUTER_UNITS:
                instructions = getattr(self, do_name(unit))
                finished = getattr(self, f"did_{unit.name.lower()}")
            elif unit == Unit.WEIGHTS:
                instructions, finished = path.weights, path.weights_finished
            else:
                instructions, finished = path.matmuls, path.matmul_finished
            m.d.comb += [
                instructions.payload.eq(port.instructions.payload),
                instructions.valid.eq(port.instructions.valid & port.may_start),
                port.instructions.ready.eq(instructions.ready & port.may_start),
                port.starts.eq(instructions.valid & instructions.ready),
                port.finishes.eq(finished),
                self.started[unit].eq(port.starts),
                self.finished[unit].eq(port.finishes),
            ]
        return m


class GatedVectorCore(wiring.Component):
    """A GatedCore with a vector unit; the ports of LOAD and STORE are left.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    vector_error : CoreError, out
    All others are those of GatedCore that the vector unit does not use.
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        members = GatedCore.members_of(config)
        used = ("do_vector", "did_vector", "x", "y", "vector", "results")
        self._kept = [name for name in members if name not in used]
        super().__init__(
            {**{name: members[name] for name in self._kept}, "vector_error": Out(CoreError)}
        )

    def elaborate(self, platform):
        m = Module()
        core = instantiate(m, "core", platform, GatedCore, config=self.config)
        unit = instantiate(m, "vector_unit", platform, VectorUnit, config=self.config)
        for name in self._kept:
            inner, outer = getattr(core, name), getattr(self, name)
            member = self.signature.members[name]
            if member.is_signature:
                connect(m, inner, flipped(outer))
            elif member.flow == In:
                m.d.comb += inner.eq(outer)
            else:
                m.d.comb += outer.eq(inner)
        connect(m, core.do_vector, unit.instructions)
        connect(m, unit.x, core.x)
        connect(m, unit.y, core.y)
        connect(m, unit.destination, core.vector)
        connect(m, core.results, unit.results)
        m.d.comb += [core.did_vector.eq(unit.finished), self.vector_error.eq(unit.error)]
        return m
