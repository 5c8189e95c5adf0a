"""CoreSimulator: the RTL of a core in this process, with a memory."""

import contextlib
import ctypes
import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from weft.bus.axi_lite import WORD_BITS
from weft.checks import check, check_callback, checked_path
from weft.core.core_config import CoreConfig
from weft.core.errors import CoreError
from weft.core.register_table import ADDRESSES
from weft.core.reporter import Reporter
from weft.isa.codes import Unit
from weft.isa.kind import REGIONS
from weft.isa.program import Program

from .core_driver import (
    ACCESS_CYCLES,
    NEVER,
    Access,
    Memory,
    MemoryTiming,
    Run,
    Segment,
    address_of,
    broken_rules,
    load,
)
from .core_ending import CONTROL, ending_sentence, read_ending
from .emissions import emitted_core
from .library import build_with
from .verilator import SimulationFailed

DRIVER = Path(__file__).with_name("core_driver.cpp")
# Addresses of the program and of the regions are so far apart that no error leads from one to the
# next: the program begins at 1 << APART, region r at r + 2 << APART.
APART = 33
_POLL_SECONDS = 0.1
# Lanes of the largest core whose simulation is optimized across its modules.
_OPTIMIZED_WHOLE = 16
# The program may read and write all regions.
ALL_PERMISSIONS = (3,) * REGIONS
# Events between two looks of Python.
_EVENTS = 1 << 16


@dataclass(frozen=True)
class CoreResult:
    """How a program ended.

    `error`, `reporter`, `unit`, `word`: why, who reported it and where in the program. `cycles`:
    from its launch to the interrupt. `starts`, `finishes`: cycles of the instructions of each unit,
    in order, counted like `cycles`. `counters`: those of the core. `read_beats`, `write_beats`:
    transfers of the memory. `seconds`: of the simulation alone.
    """

    error: CoreError
    reporter: Reporter
    unit: int
    word: int
    cycles: int
    starts: list[list[int]]
    finishes: list[list[int]]
    counters: dict[str, int]
    read_beats: int
    write_beats: int
    seconds: float

    @property
    def sentence(self) -> str:
        """Why the program ended; "" if HALT ended it."""
        return ending_sentence(self.error, self.reporter)


class CoreSimulator:
    """Compiled simulation of the Verilog of one core, with a host and a memory in C++.

    Parameters
    ----------
    config : CoreConfig
    waves : bool
        Build the simulation so that `run` can write a trace.
    building : callable, optional
        Called before a build; not called if the build is in the cache.

    Raises
    ------
    toolchain.ToolMissing, verilator.SimulationFailed, OSError
        If the simulation cannot be built.
    MemoryError
        If memory is insufficient for an instance of the core.
    """

    def __init__(
        self,
        config: CoreConfig,
        *,
        waves: bool = False,
        building: Callable[[], None] | None = None,
    ):
        check_callback("building", building)
        self.config = config
        self.waves = waves
        self._beat = config.bus.data_width // 8
        settings = [
            f"#define WEFT_UNITS {len(Unit)}",
            f"#define WEFT_BEAT_BYTES {self._beat}",
        ]
        design = emitted_core(config).design
        # Most of the time of a small core goes to its control, which is faster optimized whole.
        path = build_with(
            DRIVER,
            settings,
            design,
            waves=waves,
            apart=config.lanes > _OPTIMIZED_WHOLE,
            building=building,
        )
        self._library = load(path)
        self._driver = ctypes.c_void_p()
        finalizer = weakref.finalize(self, self._library.weft_close, self._driver)
        finalizer.atexit = False
        if not self._library.weft_open(ctypes.byref(self._driver)):
            raise MemoryError("memory is insufficient to simulate this core")
        self._idle = False

    def run(
        self,
        program: Program | bytes,
        memory: Sequence[np.ndarray],
        *,
        timing: MemoryTiming | None = None,
        trace: str | PathLike[str] | None = None,
        progress: Callable[[int], None] | None = None,
        faults: dict[str, int] | None = None,
        permissions: Sequence[int] = ALL_PERMISSIONS,
        abort_after: int | None = None,
        most_cycles: int | None = None,
        reset: bool = True,
    ) -> CoreResult:
        """Run a program to its end.

        Parameters
        ----------
        program : Program or bytes
        memory : sequence of ndarray of uint8
            The eight regions; the program changes those that it may write.
        timing : MemoryTiming, optional
        trace : path, optional
            VCD file of the waves.
        progress : callable, optional
            Called about every 0.1 s with the number of finished instructions.
        faults : dict, optional
            Fields of Memory that make the memory fail.
        permissions : sequence of int
            What the host allows of each region: the sum of 1 to read and 2 to write.
        abort_after : int, optional
            The host ends the program after so many cycles.
        most_cycles : int, optional
            After so many cycles, SimulationFailed is raised.
        reset : bool
            Reset the core before the program. Without, it follows one that has ended.

        Raises
        ------
        ValueError
            If the memory does not have eight regions of bytes.
        verilator.SimulationFailed
            If the core breaks a rule of AXI, writes behind the end of a region, does not answer
            its host, or does not end in time.
        KeyboardInterrupt
            On Ctrl-C, within about 0.1 s.
        """
        host = _Host(self, program, memory, timing or MemoryTiming(), faults or {})
        with contextlib.nullcontext() if trace is None else self._traced(trace):
            host.begin(permissions, reset=reset or not self._idle)
            # A run that fails or is interrupted leaves its program behind.
            self._idle = False
            limit = NEVER if most_cycles is None else most_cycles
            result = host.finish(progress, abort_after, limit)
            self._idle = True
        return result

    @contextlib.contextmanager
    def _traced(self, trace: str | PathLike[str]) -> Iterator[None]:
        check(self.waves, "a trace needs a simulator made with waves=True")
        path = checked_path("trace", trace)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if not self._library.weft_open_trace(self._driver, os.fsencode(path)):
            raise PermissionError(f"{path} cannot be written")
        try:
            yield
        finally:
            whole = self._library.weft_close_trace(self._driver)
        if not whole:
            raise OSError(f"{path} could not be written completely: the disk may be full")


class _Host:
    """The host of one program: it lays out the memory, starts the core and reads how it ended."""

    def __init__(
        self,
        simulator: CoreSimulator,
        program: Program | bytes,
        memory: Sequence[np.ndarray],
        timing: MemoryTiming,
        faults: dict[str, int],
    ):
        check(len(memory) == REGIONS, f"the memory must have {REGIONS} regions, not {len(memory)}")
        self.library, self.driver = simulator._library, simulator._driver
        self.beat = simulator._beat
        self.memory = memory
        data = program.encode() if isinstance(program, Program) else program
        parts = [np.frombuffer(data, np.uint8), *memory]
        # Beats are whole.
        self.parts = [np.pad(part, (0, -len(part) % self.beat)) for part in parts]
        self.bases = [(place + 1) << APART for place in range(len(parts))]
        self.segments = (Segment * len(parts))(
            *[
                Segment(base, len(part), address_of(part))
                for base, part in zip(self.bases, self.parts, strict=True)
            ]
        )
        fields = {"fail_start": NEVER, "fail_stop": NEVER, "answered_reads": NEVER} | faults
        self.settings = Memory(
            segments=ctypes.addressof(self.segments),
            segment_count=len(parts),
            read_latency=timing.read_latency,
            read_interval=timing.interval(timing.read_bytes, self.beat),
            write_latency=timing.write_latency,
            write_interval=timing.interval(timing.write_bytes, self.beat),
            jitter=timing.jitter,
            seed=timing.seed,
            **fields,
        )
        self.events = np.zeros(_EVENTS, np.int64)
        self.run = Run(events=address_of(self.events), event_capacity=_EVENTS)

    def access(self, name: str, value: int | None = None) -> int:
        """Write a register, or read it; return its value."""
        access = Access(write=value is not None, address=ADDRESSES[name], value=value or 0)
        self.library.weft_access(self.driver, ctypes.byref(access), ctypes.byref(self.run))
        if access.response:
            answer = "no answer" if access.response < 0 else f"response {access.response}"
            raise SimulationFailed(
                f"{'write' if access.write else 'read'} of the register {name}: {answer} in "
                f"{ACCESS_CYCLES} cycles"
            )
        return access.value

    def write_wide(self, name: str, value: int) -> None:
        self.access(f"{name}_low", value & ((1 << WORD_BITS) - 1))
        self.access(f"{name}_high", value >> WORD_BITS)

    def begin(self, permissions: Sequence[int], *, reset: bool) -> None:
        """Tell the core everything but to start, after a reset if there must be one."""
        self.library.weft_attach(self.driver, ctypes.byref(self.settings))
        if reset:
            self.library.weft_reset(self.driver)
        else:
            self.access("control", CONTROL["clear"])
        self.write_wide("program", self.bases[0])
        for number, (base, region) in enumerate(zip(self.bases[1:], self.memory, strict=True)):
            self.write_wide(f"region_{number}_base", base)
            self.access(f"region_{number}_size", len(region) & ((1 << WORD_BITS) - 1))
            self.access(f"region_{number}_access", permissions[number])
        self.access("interrupt_enable", 1)

    def finish(
        self,
        progress: Callable[[int], None] | None,
        abort_after: int | None,
        most_cycles: int,
    ) -> CoreResult:
        """Start the program, and wait until it has ended."""
        self.access("control", CONTROL["start"])
        launched = self.run.cycles
        words, seconds, cycles = [], 0.0, 1000
        while not self.run.interrupted:
            done = self.run.cycles - launched
            if abort_after is not None and done >= abort_after:
                self.access("control", CONTROL["abort"])
                abort_after = None
            limit = NEVER if abort_after is None else abort_after - done
            started = time.perf_counter()
            step = ctypes.c_int64(max(1, min(cycles, limit, most_cycles - done)))
            self.library.weft_run(self.driver, ctypes.byref(self.run), step)
            spent = time.perf_counter() - started
            seconds += spent
            words.append(self.events[: self.run.event_count].copy())
            self.run.event_count = 0
            if progress is not None:
                progress(sum(_finished(part) for part in words))
            if self.run.cycles - launched >= most_cycles and not self.run.interrupted:
                raise SimulationFailed(f"the program has not ended after {most_cycles:,} cycles")
            cycles = max(100, min(4 * cycles, int(cycles * _POLL_SECONDS / max(spent, 1e-6))))
        ended = self.run.cycles
        return self._result(np.concatenate(words), ended - launched, launched, seconds)

    def _result(self, words: np.ndarray, cycles: int, launched: int, seconds: float) -> CoreResult:
        if self.run.broken:
            raise SimulationFailed(
                f"the core breaks AXI: {'; '.join(broken_rules(self.run.broken))}"
            )
        for number, (region, part) in enumerate(zip(self.memory, self.parts[1:], strict=True)):
            if part[len(region) :].any():
                raise SimulationFailed(f"the core writes behind the end of region {number}")
            region[:] = part[: len(region)]
        kinds = words % (2 * len(Unit))
        times = words // (2 * len(Unit)) - launched
        return CoreResult(
            **read_ending(self.access),
            cycles=cycles,
            starts=[times[kinds == unit].tolist() for unit in Unit],
            finishes=[times[kinds == unit + len(Unit)].tolist() for unit in Unit],
            read_beats=self.run.read_beats,
            write_beats=self.run.write_beats,
            seconds=seconds,
        )


def _finished(words: np.ndarray) -> int:
    return int((words % (2 * len(Unit)) >= len(Unit)).sum())
