"""Native units: one run each, freed exactly once, whatever interrupts or closes the run."""

import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import weft_sim
from weft import MatrixUnitConfig
from weft.emit.export import emit
from weft_model import matmul, predict
from weft_sim import MatrixUnitSimulator, library, native_driver, toolchain
from weft_sim.native_driver import Progress, StimulusBuffers
from weft_sim.native_unit import NativeUnit, NativeUnits
from weft_sim.stalls import Stalls
from weft_sim.trace import Trace

ONE = MatrixUnitConfig(rows=1, columns=1)
# One run is short enough to interrupt at every opcode; the other reports progress many times.
SHORT = np.array([[3]], np.int8), np.array([[5]], np.int8)
LONG = np.ones((60_000, 1), np.int8), np.array([[5]], np.int8)
STALLS = Stalls.draw(1)
SOURCES = str(Path(weft_sim.__file__).parent)


def source() -> random.Random:
    return random.Random(os.environ["SEED"])


class CountingLibrary:
    """A wrapper of a library that records its open units and fails if one is closed twice."""

    def __init__(self):
        self._library = native_driver.load(library.build(emit(ONE).design))
        self.open: set[int] = set()

    def __getattr__(self, name):
        return getattr(self._library, name)

    def weft_open(self, place):
        opened = self._library.weft_open(place)
        self.open.add(place._obj.value)
        return opened

    def weft_close(self, driver):
        # An interruption before `weft_open` leaves nothing to close.
        if driver.value is not None:
            self.open.remove(driver.value)
        self._library.weft_close(driver)


@pytest.fixture
def counted(monkeypatch):
    """A counting library that every simulator uses; all units must be closed at the end."""
    counting = CountingLibrary()
    monkeypatch.setattr("weft_sim.matrix_unit_simulator.load", lambda path: counting)
    yield counting
    gc.collect()
    assert not counting.open


def check(unit, operands=SHORT):
    assert np.array_equal(unit.matmul(*operands), matmul(ONE, *operands))


@contextlib.contextmanager
def ctrl_c_at_step(count):
    """Raise KeyboardInterrupt before opcode number `count` that is executed in weft_sim."""
    left = count

    def trace(frame, event, argument):
        nonlocal left
        if not frame.f_code.co_filename.startswith(SOURCES):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        left -= event == "opcode"
        if event == "opcode" and left == 0:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def is_interrupted(count, work) -> bool:
    """Do some work with Ctrl-C at opcode number `count`; return whether it got that far."""
    try:
        with ctrl_c_at_step(count):
            work()
    except KeyboardInterrupt:
        return True
    return False


WORK = {
    "run": lambda unit: unit.run([SHORT]),
    "run with stalls": lambda unit: unit.run([SHORT, SHORT], stalls=STALLS),
    "run_until_reset": lambda unit: unit.run_until_reset([SHORT], 5),
}


@pytest.mark.parametrize("work", WORK)
def test_ctrl_c_at_every_step_leaves_a_simulator_that_works(work, counted):
    """Thousands of interruptions, including at the opcodes that take a unit and return it."""
    unit = MatrixUnitSimulator(ONE)
    steps = 1
    while is_interrupted(steps, lambda: WORK[work](unit)):
        check(unit)
        steps += 1
    assert steps > 800
    gc.collect()
    assert len(counted.open) == 1


def test_ctrl_c_while_a_trace_is_written_leaves_no_trace_open(tmp_path):
    unit, path, steps = MatrixUnitSimulator(ONE, waves=True), tmp_path / "waves.vcd", 1
    path.touch()
    while is_interrupted(steps, lambda: unit.run([SHORT], trace=path)):
        size = path.stat().st_size
        check(unit)
        assert path.stat().st_size == size
        steps += 11
    assert len(Trace(path).cycles) == unit.cycles


def test_ctrl_c_at_every_step_of_making_and_closing_frees_what_was_opened(counted):
    def work():
        one = NativeUnits(counted)
        with one.lend() as unit:
            unit.reset()
        one.close()

    steps = 1
    while is_interrupted(steps, work):
        steps += 1
    assert steps > 50


def test_ctrl_c_at_any_time_leaves_a_simulator_that_works():
    """By a real signal: in numpy, in the simulation, and between them."""
    draws, unit = source(), MatrixUnitSimulator(ONE)
    interrupted = 0
    for _ in range(300):
        try:
            signal.setitimer(signal.ITIMER_REAL, draws.uniform(1e-5, 2e-3))
            unit.run([SHORT] * 20)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            interrupted += 1
        check(unit)
    assert interrupted > 30


@pytest.fixture(autouse=True)
def alarm_is_ctrl_c():
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_traceback_that_is_kept_locks_nothing(counted):
    """The interactive prompt keeps the traceback of the latest error."""
    unit = MatrixUnitSimulator(ONE)
    kept = []
    for steps in range(1, 600, 13):
        with pytest.raises(KeyboardInterrupt) as raised, ctrl_c_at_step(steps):
            unit.run([SHORT])
        kept.append(raised)
        check(unit)


def test_close_from_a_callback_lets_the_run_end(counted):
    unit = MatrixUnitSimulator(ONE)
    seen = []

    def close(done, total):
        unit.close()
        unit.close()
        seen.append(len(counted.open))

    result = unit.run([LONG], progress=close)
    assert np.array_equal(result.products[0], matmul(ONE, *LONG))
    assert seen and set(seen) == {1}
    assert not counted.open
    with pytest.raises(RuntimeError, match="this simulator is closed: make another"):
        check(unit)


def test_close_from_another_thread_lets_the_run_end(counted):
    for _ in range(3):
        unit = MatrixUnitSimulator(ONE)
        running = threading.Event()
        products = []

        def run(unit=unit, running=running, products=products):
            result = unit.run([LONG], progress=lambda done, total: running.set())
            products.extend(result.products)

        thread = threading.Thread(target=run)
        thread.start()
        running.wait()
        unit.close()
        thread.join()
        assert np.array_equal(products[0], matmul(ONE, *LONG))
        assert not counted.open


def test_threads_that_run_and_one_that_closes(counted):
    """Every product is right or refused, and no unit is left open."""
    unit = MatrixUnitSimulator(ONE)
    outcomes = []

    def run():
        with contextlib.suppress(RuntimeError):
            while True:
                check(unit)
                outcomes.append("right")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 100:
        pass
    unit.close()
    for thread in threads:
        thread.join()
    assert not counted.open


def test_overlapping_runs_have_their_own_units(counted):
    """A run from a callback opens a second unit, which is kept."""
    unit = MatrixUnitSimulator(ONE)
    result = unit.run([LONG], progress=lambda done, total: check(unit))
    assert np.array_equal(result.products[0], matmul(ONE, *LONG))
    assert len(counted.open) == 2
    check(unit)
    assert len(counted.open) == 2


def test_any_thread_may_drop_the_last_reference(counted):
    units = [MatrixUnitSimulator(ONE)]
    check(units[0])
    thread = threading.Thread(target=units.clear)
    thread.start()
    thread.join()
    assert not counted.open


def test_a_unit_that_was_not_opened_is_not_closed(counted, monkeypatch):
    monkeypatch.setattr(counted, "weft_open", lambda place: 0, raising=False)
    closed = []
    monkeypatch.setattr(counted, "weft_close", lambda driver: closed.append(driver.value))
    with pytest.raises(MemoryError, match="memory is insufficient to simulate this unit"):
        NativeUnit(counted)
    gc.collect()
    assert closed in ([], [None])


def test_a_restarted_unit_forgets_the_run_before(counted):
    unit, buffers = NativeUnit(counted), StimulusBuffers(ONE, [SHORT] * 3)
    stimulus, progress = buffers.stimulus(None), Progress()
    for cycles in (3, sys.maxsize):
        unit.start(stimulus, progress)
        unit.run(progress, cycles)
    assert progress.cycles == predict(ONE, buffers.schedules).cycles
    assert [z.tolist() for z in buffers.products()] == [[[15]]] * 3


def run_script(script: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"WEFT_BUILD": str(toolchain.build_root())}
    command = [sys.executable, "-X", "faulthandler", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_exit_does_not_free_a_unit_that_a_thread_uses():
    ended = run_script(
        "import threading, time\n"
        "from weft_sim.native_unit import NativeUnit\n"
        "class Library:\n"
        "    weft_open = staticmethod(lambda place: 1)\n"
        "    weft_close = staticmethod(lambda driver: print('freed'))\n"
        "def use(unit):\n"
        "    time.sleep(60)\n"
        "threading.Thread(target=use, args=(NativeUnit(Library()),), daemon=True).start()\n"
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


ENDS = {
    "in use by a thread": "threading.Thread(target=unit.run, args=([LONG] * 20,), daemon=True)"
    ".start(); time.sleep(0.2)",
    "idle": "",
    "closed": "unit.close()",
    "in a cycle": "unit.itself = unit",
    "kept by a frame": "held = sys._getframe(); held.f_locals",
}


@pytest.mark.parametrize("state", ENDS)
def test_a_process_exits_cleanly_with_a_unit_that_is(state):
    script = (
        "import sys, threading, time\n"
        "import numpy as np\n"
        "from weft import MatrixUnitConfig\n"
        "from weft_sim import MatrixUnitSimulator\n"
        "LONG = np.ones((1_000_000, 1), np.int8), np.array([[5]], np.int8)\n"
        "unit = MatrixUnitSimulator(MatrixUnitConfig(rows=1, columns=1, accumulator_depth=1))\n"
        "unit.matmul(np.ones((1, 1), int), np.ones((1, 1), int))\n"
        f"{ENDS[state]}\n"
    )
    ended = run_script(script)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
