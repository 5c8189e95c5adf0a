"""VectorSession: a VectorCore in simulation, and its twin in numpy."""

import random
from collections.abc import Iterator, Sequence

import cocotb
import numpy as np

from benches.bits import join, pack, unpack
from benches.core import random_state
from benches.coroutines import compare, parameters, randomness, read, reset, start, tick
from benches.data_path import fill
from benches.vector_instructions import POSITIVE, small_multipliers
from weft.buffer.unified_buffer import write_layout
from weft.core.core_config import CoreConfig
from weft.isa.codes import Target, XSource
from weft.isa.instruction import Instruction
from weft.matrix.layouts import result_layout
from weft.vector.layouts import constant_layout
from weft_model.core.machine import work_of
from weft_model.core.vector_timing import vector_cycles
from weft_model.core.walks import vector_height, window_size
from weft_sim.cocotb_driver import cycle_now
from weft_sim.cocotb_streams import Stream, send

# Buffer rows that no random instruction has.
UNUSED = range(100, 128)
# Row scalars that no random instruction writes.
KEPT_SCALARS = 90
# What the unit transfers in a cycle: all of these signals are high.
EVENTS = {
    **{name: (name,) for name in ("x_request", "y_request", "write", "finished")},
    "start": ("instructions__valid", "instructions__ready"),
    "take": ("results__valid", "results__ready"),
}


def result_rows_of(instruction: Instruction) -> int:
    """Return the result rows that an instruction drains."""
    drains = instruction["x_source"] == XSource.RESULTS and not instruction["function"]
    return vector_height(instruction) * window_size(instruction) if drains else 0


class VectorSession:
    """A core with random contents, its twin in numpy, and what it has done in which cycle.

    Members
    -------
    config : CoreConfig
    draw : numpy Generator
    state : CoreState
    buffer : ndarray of uint8
        What the buffer must contain after the writes that were seen.
    seen : dict
        The cycles of each of EVENTS in the last run.
    """

    def __init__(self, dut, config: CoreConfig, source: random.Random):
        self.dut, self.config, self.source = dut, config, source
        self.draw = np.random.default_rng(source.getrandbits(32))
        self.state = random_state(self.draw, config.capacity)
        small_multipliers(self.state)
        # For reciprocals.
        self.state.scalars[POSITIVE, 0] = self.draw.integers(1, 1 << 31, len(POSITIVE))
        self.buffer = self.state.buffer.copy()
        self.seen: dict[str, list[int]] = {name: [] for name in EVENTS}

    @classmethod
    async def begin(cls, dut) -> "VectorSession":
        """Reset, and fill all memories."""
        session = cls(dut, parameters().config, randomness())
        await start(dut)
        await fill(dut, session.config, session.state.buffer)
        cocotb.start_soon(session._watch())
        for target in (Target.PARAMETERS, Target.TABLES, Target.SCALARS):
            for row in range(len(session._words(target))):
                await session.load(target, row)
        return session

    async def restart(self) -> None:
        """Reset the core, whose memories keep what they have."""
        await reset(self.dut)
        self.state.buffer[:] = self.buffer

    @property
    def _writes(self):
        """The layout of a write of a row."""
        width = self.config.lanes * self.config.operand_width
        return write_layout(rows=self.config.buffer.rows, width=width)

    def _words(self, target: Target) -> np.ndarray:
        """Return a memory that LOAD writes, (rows, words)."""
        return {
            Target.PARAMETERS: self.state.parameters.reshape(len(self.state.parameters), -1),
            Target.TABLES: self.state.tables,
            Target.SCALARS: self.state.scalars,
        }[target]

    async def load(self, target: Target, row: int) -> None:
        """Write the words of a row, one per cycle."""
        layout = constant_layout(self.config.lanes)
        self.dut.constants__valid.value = 1
        for word, number in enumerate(self._words(target)[row].tolist()):
            fields = {"target": target, "row": row, "word": word, "data": number}
            self.dut.constants__payload.value = pack(layout, **fields)
            await tick(self.dut)
        self.dut.constants__valid.value = 0

    async def _watch(self) -> None:
        """Record the cycles of all events, and what is written."""
        layout, row_bytes = self._writes, self.buffer.shape[1]
        while True:
            await tick(self.dut)
            for name, signals in EVENTS.items():
                if all(read(self.dut, signal) for signal in signals):
                    self.seen[name].append(cycle_now())
            assert not read(self.dut, "refused"), "a write was refused"
            if read(self.dut, "write"):
                write = unpack(layout, read(self.dut, "written"))
                row = write["data"].to_bytes(row_bytes, "little")
                self.buffer[write["row"]] = np.frombuffer(row, np.uint8)

    async def run(
        self,
        instruction: Instruction,
        *,
        gaps: Iterator[int] | None = None,
        offers: Sequence[int] | None = None,
    ) -> None:
        """Execute an instruction, and compare the buffer with that of the machine in numpy.

        Parameters
        ----------
        instruction : Instruction
        gaps : iterator of int, optional
            Idle cycles in front of each result.
        offers : sequence of int, optional
            The cycle after the start from which on each result is offered, if `gaps` is not given.
        """
        count = result_rows_of(instruction)
        lanes = self.draw.integers(-(1 << 31), 1 << 31, (count, self.config.lanes))
        rows = lanes.astype(np.int32)
        layout = result_layout(self.config.matrix)
        beats = [(pack(layout, lanes=join(row.tolist(), 32)),) for row in rows]
        self.seen = {name: [] for name in EVENTS}
        offering = self._offer(beats, offers)
        if offers is None:
            offering = send(Stream.amaranth(self.dut, "results"), beats, gaps)
        offered = cocotb.start_soon(offering)
        await self.send(instruction)
        while not self.seen["finished"]:
            await tick(self.dut)
            assert not read(self.dut, "error"), f"error {read(self.dut, 'error')}: {instruction}"
        await offered
        assert len(self.seen["take"]) == count
        self.state.results.push(rows)
        work = work_of(self.state, instruction)
        work.run(0, work.parts)
        wrong = np.argwhere(self.buffer != self.state.buffer)
        if len(wrong):
            row, _ = wrong[0]
            got, wanted = self.buffer[row].tolist(), self.state.buffer[row].tolist()
            raise AssertionError(f"row {row}: got {got}, not {wanted}: {instruction}")

    async def send(self, instruction: Instruction) -> None:
        beat = (int.from_bytes(instruction.encode(), "little"),)
        await send(Stream.amaranth(self.dut, "instructions"), [beat])

    async def _offer(self, beats: Sequence[tuple[int]], offers: Sequence[int] | None) -> None:
        """Offer each result from a cycle after the start on; the unit must be idle."""
        # The instruction is transferred in the next cycle.
        begun = cycle_now() + 1
        results = Stream.amaranth(self.dut, "results")
        for (payload,), cycle in zip(beats, offers or (), strict=True):
            while cycle_now() + 1 < begun + cycle:
                await tick(self.dut)
            await send(results, [(payload,)])

    def check_cycles(self, instruction: Instruction, offers: Sequence[int] | None = None) -> None:
        """Compare the cycles of the last instruction with those of the model."""
        begun = self.seen["start"][0]
        expected = vector_cycles(
            instruction,
            row_chunks=self.config.row_chunks,
            results=offers or [0] * result_rows_of(instruction),
        )
        for name, cycles in (
            ("x_request", expected.x_requests.tolist()),
            ("y_request", expected.y_requests.tolist()),
            ("take", expected.takes.tolist()),
            ("write", expected.writes.tolist()),
            ("finished", [expected.finished]),
        ):
            seen = [cycle - begun for cycle in self.seen[name]]
            compare(f"cycles of {name} of {instruction}", seen, cycles)

    async def disturb_buffer(self) -> None:
        """Read random rows for ever, and write some that no instruction has."""
        while True:
            for name in ("matrix", "store"):
                row = self.source.randrange(self.config.buffer.rows)
                getattr(self.dut, f"{name}__requests__valid").value = self.source.random() < 0.6
                getattr(self.dut, f"{name}__requests__payload").value = row
            row = self.source.choice(UNUSED)
            number = int.from_bytes(self.buffer[row].tobytes(), "little")
            self.dut.load__valid.value = self.source.random() < 0.5
            self.dut.load__payload.value = pack(self._writes, row=row, data=number)
            await tick(self.dut)

    async def disturb_constants(self) -> None:
        """Write for ever what parameters and row scalars have already."""
        while True:
            await self.load(Target.PARAMETERS, self.source.randrange(len(self.state.parameters)))
            for _ in range(self.source.randrange(20)):
                await self.load(Target.SCALARS, self.source.randrange(KEPT_SCALARS))
            await tick(self.dut)
