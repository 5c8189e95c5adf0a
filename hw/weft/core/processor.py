"""Processor: the sequencer of a core, its units, and what connects them."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi4 import read_channels
from ..bus.axi4_write import write_channels
from ..bus.read_arbiter import ReadArbiter, read_id_width
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.codes import Unit
from ..sequencer.ports import fault_layout, program_unit_layout
from ..sequencer.sequencer import Sequencer
from .core_config import CoreConfig
from .data_path import DataPath
from .errors import CoreError
from .load_unit import LoadUnit
from .store_unit import StoreUnit
from .unit_counters import Cause, causes_layout, causes_of, counter_name
from .vector_unit import VectorUnit

# Readers of the memory; the first one reads the program.
READERS = ("program", "weights", "load")


def memory_channels(config: CoreConfig) -> wiring.Signature:
    """Return the AXI4 channels of a core to its memory."""
    bus = {"address_width": config.bus.address_width, "data_width": config.bus.data_width}
    read = read_channels(**bus, id_width=read_id_width(len(READERS)))
    return wiring.Signature({**read.members, **write_channels(**bus).members})


def unit_errors_layout() -> data.StructLayout:
    """Return the layout of the errors of the units, named in lower case."""
    return data.StructLayout({unit.name.lower(): CoreError for unit in Unit})


class Processor(wiring.Component):
    """Execute the instructions of a program.

    Each instruction starts in the cycle in which its unit takes it, and the unit takes it when it
    may start. `flush` resets all units; those on the bus keep what they owe to the memory.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    regions : regions_layout(address_width) in; constant while a program runs
    program : stream of program_unit_layout()
    reader : read_channels(...) of whoever reads the program from the memory
    launch, stop, flush : 1 bit in. See Sequencer and CoreControl.
    running, done, stopped, fault : outputs of the Sequencer; `stopped` is its `flush`
    errors : unit_errors_layout() out, each held until `flush`
    idle : 1 bit out. No write is owed to the memory, and no answer to one by it.
    unit_starts, unit_finishes : a bit per Unit out, for a cycle
    progress : 1 bit out. Something of the program was done.
    causes : causes_layout() out
    memory : memory_channels(config) out
    """

    def __init__(self, *, config: CoreConfig):
        self.config = config
        self._bus = {
            "address_width": config.bus.address_width,
            "data_width": config.bus.data_width,
        }
        super().__init__(
            {
                "regions": In(regions_layout(config.bus.address_width)),
                "program": In(stream.Signature(program_unit_layout())),
                "reader": In(read_channels(**self._bus)),
                **{name: In(1) for name in ("launch", "stop", "flush")},
                **{name: Out(1) for name in ("running", "done", "stopped")},
                "fault": Out(fault_layout()),
                "errors": Out(unit_errors_layout()),
                "idle": Out(1),
                "unit_starts": Out(len(Unit)),
                "unit_finishes": Out(len(Unit)),
                "progress": Out(1),
                "causes": Out(causes_layout()),
                "memory": Out(memory_channels(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.units = ClockDomain("units", local=True)
        m.d.comb += [
            ClockSignal("units").eq(ClockSignal()),
            ResetSignal("units").eq(ResetSignal() | self.flush),
        ]
        config = self.config
        sequencer = instantiate(m, "sequencer", platform, Sequencer, slots=config.queues.slots)
        path = instantiate(m, "data_path", platform, DataPath, domain="units", config=config)
        vector = instantiate(m, "vector_unit", platform, VectorUnit, domain="units", config=config)
        load = instantiate(
            m, "load_unit", platform, LoadUnit, domain="units", config=config, **self._bus
        )
        store = instantiate(
            m,
            "store_unit",
            platform,
            StoreUnit,
            width=config.lanes * config.operand_width,
            rows=config.buffer.rows,
            **self._bus,
        )
        self._sequence(m, sequencer, path)
        self._observe(m, sequencer, path, load, store, vector)
        self._issue(
            m,
            sequencer,
            {
                Unit.LOAD: (load.instructions, load.finished),
                Unit.STORE: (store.instructions, store.finished),
                Unit.WEIGHTS: (path.weights, path.weights_finished),
                Unit.MATRIX: (path.matmuls, path.matmul_finished),
                Unit.VECTOR: (vector.instructions, vector.finished),
            },
        )
        for outer, inner in (
            (path.load, load.buffer),
            (path.store, store.buffer),
            (path.x, vector.x),
            (path.y, vector.y),
            (path.vector, vector.destination),
            (path.results, vector.results),
            (load.constants, vector.constants),
        ):
            connect(m, outer, inner)
        self._connect_memory(m, platform, path, load, store)
        m.d.comb += [
            load.regions.eq(self.regions),
            path.regions.eq(self.regions),
            store.regions.eq(self.regions),
            store.flush.eq(self.flush),
            self.errors.load.eq(load.error),
            self.errors.store.eq(store.error),
            self.errors.weights.eq(path.weights_error),
            self.errors.matrix.eq(
                Mux(
                    path.outside,
                    CoreError.RANGE,
                    Mux(path.errors.as_value().any(), CoreError.MATRIX, CoreError.NONE),
                )
            ),
            self.errors.vector.eq(vector.error),
        ]
        return m

    def _sequence(self, m: Module, sequencer, path) -> None:
        """Connect the sequencer with its program and with whoever controls it."""
        connect(m, sequencer.program, flipped(self.program))
        m.d.comb += [
            sequencer.launch.eq(self.launch),
            sequencer.stop.eq(self.stop),
            sequencer.left_over.eq(path.left_over),
            self.running.eq(sequencer.running),
            self.done.eq(sequencer.done),
            self.stopped.eq(sequencer.flush),
            self.fault.eq(sequencer.fault),
        ]

    def _issue(self, m: Module, sequencer, units: dict) -> None:
        """Let each unit take the next instruction when it may start."""
        starts = []
        for unit, (instructions, finished) in units.items():
            port = getattr(sequencer, unit.name.lower())
            m.d.comb += [
                instructions.valid.eq(port.instructions.valid & port.may_start),
                instructions.payload.eq(port.instructions.payload),
                port.instructions.ready.eq(port.may_start & instructions.ready),
                port.starts.eq(instructions.valid & instructions.ready),
                port.finishes.eq(finished),
            ]
            starts.append(port.starts)
        m.d.comb += [
            self.unit_starts.eq(Cat(starts)),
            self.unit_finishes.eq(Cat(finished for _, finished in units.values())),
        ]

    def _observe(self, m: Module, sequencer, path, load, store, vector) -> None:
        """Show whether anything is done, and why each unit does not work."""
        memory = self.memory
        streams = (memory.w, memory.r, path.load, path.vector, path.results)
        m.d.sync += self.progress.eq(
            Cat(
                self.unit_starts,
                self.unit_finishes,
                path.moves,
                *[stream.valid & stream.ready for stream in streams],
            ).any()
        )
        waits = path.waits
        own = {
            (Unit.LOAD, Cause.BANK): waits.load,
            (Unit.LOAD, Cause.MEMORY): ~(load.buffer.valid | load.constants.valid),
            (Unit.STORE, Cause.BANK): waits.store,
            (Unit.STORE, Cause.MEMORY): ~store.buffer.requests.valid,
            (Unit.WEIGHTS, Cause.BANK): waits.weights,
            (Unit.WEIGHTS, Cause.ROOM): path.weights_wait,
            (Unit.WEIGHTS, Cause.MEMORY): ~path.weights_written,
            (Unit.MATRIX, Cause.BANK): waits.matrix,
            (Unit.MATRIX, Cause.TILES): path.row_waits & ~path.full,
            (Unit.MATRIX, Cause.ROOM): path.row_waits & path.full,
            (Unit.VECTOR, Cause.BANK): waits.x | waits.y | waits.vector,
            (Unit.VECTOR, Cause.RESULTS): vector.waits_for_result,
        }
        for unit in Unit:
            port = getattr(sequencer, unit.name.lower())
            executing = Signal(range(self.config.queues.slots + 1), name=f"{unit.name}_executing")
            m.d.sync += executing.eq(executing + port.starts - port.finishes)
            with m.If(self.flush):
                m.d.sync += executing.eq(0)
            waiting = sequencer.waiting[unit]
            for cause in causes_of(unit):
                if cause.name in Unit.__members__:
                    found = ~executing.any() & waiting[Unit[cause.name]]
                elif cause == Cause.INSTRUCTION:
                    found = ~executing.any() & ~waiting.any()
                else:
                    found = executing.any() & own[unit, cause]
                m.d.comb += self.causes[counter_name(unit, cause)].eq(found)

    def _connect_memory(self, m: Module, platform, path, load, store) -> None:
        """Merge the reads; only STORE writes."""
        arbiter = instantiate(
            m, "read_arbiter", platform, ReadArbiter, readers=READERS, **self._bus
        )
        connect(m, arbiter.program, flipped(self.reader))
        connect(m, arbiter.load, load.memory)
        connect(m, arbiter.weights, path.memory)
        for channel in ("ar", "r"):
            connect(m, getattr(arbiter.memory, channel), flipped(getattr(self.memory, channel)))
        for channel in ("aw", "w", "b"):
            connect(m, getattr(store.port, channel), flipped(getattr(self.memory, channel)))
        # Answers to reads that come after a flush are discarded, so nobody needs to wait for them.
        m.d.comb += [arbiter.flush.eq(self.flush), self.idle.eq(store.idle)]
