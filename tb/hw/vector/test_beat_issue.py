"""BeatIssue: beats come as early as their rows are granted, and each row is requested once."""

import random
from collections.abc import Iterator

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import TIMEOUT, compare, parameters, randomness, read, start, tick
from benches.runner import on_simulators
from benches.vector_rows import CHUNKS, FORMATS
from weft.isa.codes import Format
from weft.vector.beat_issue import OF_STEP, OPERANDS, BeatIssue
from weft.vector.layouts import control_layout, step_layout
from weft.vector.uses import uses_layout

SIZES = {"buffer_rows": 256, "parameter_rows": 8, "row_scalars": 16}
FUNCTION_SLOTS = 5


@on_simulators("row_chunks", CHUNKS)
def test_beat_issue(simulate, row_chunks):
    simulate(
        [issues_beats, requests_nothing_outside],
        BeatIssue,
        row_chunks=row_chunks,
        function_slots=FUNCTION_SLOTS,
        **SIZES,
    )


def draw(source: random.Random, sizes) -> dict[str, int]:
    """Return the inputs that stay the same during an instruction."""
    kind = source.choice(["function", "results", "buffer", "buffer", "scalar"])
    uses = {
        "function": kind == "function",
        "x_buffer": kind == "buffer",
        "x_results": kind == "results",
        "x_scalar": kind in ("scalar", "function"),
        "y_buffer": kind != "function" and source.random() < 0.5,
        "lanes": kind != "function" and source.random() < 0.3,
        "destination": kind != "function" and source.random() < 0.7,
    }
    formats = {
        f"{name}_format": int(source.choice(FORMATS[sizes.operand_width]))
        for name in (*OPERANDS, "destination")
    }
    return {**formats, **uses}


class Model:
    """What an instruction must do: its slots in order, each with its requests and its beat."""

    def __init__(self, settings: dict[str, int], steps: list[dict[str, int]], sizes):
        self.settings, self.sizes = settings, sizes
        self.slots = [slot for step in steps for slot in self._slots(step)]

    def _width(self, name: str) -> int:
        return Format(self.settings[f"{name}_format"]).width

    def _slots(self, step: dict[str, int]) -> Iterator[dict]:
        settings, sizes = self.settings, self.sizes
        per_beat = [1]
        per_beat += [
            sizes.rows_per_chunk(self._width(name))
            for name, use in (("x", "x_buffer"), ("y", "y_buffer"), ("destination",) * 2)
            if settings[use]
        ]
        alone = settings["lanes"] and sizes.chunks == 1
        per_beat += [2] if alone else []
        per_beat += [FUNCTION_SLOTS] if settings["function"] else []
        chunks = 1 if settings["function"] else sizes.chunks
        for chunk in range(chunks):
            begins = {
                name: chunk % sizes.chunks_per_row(self._width(name)) == 0 for name in OPERANDS
            }
            for slot in range(max(per_beat)):
                requests = {}
                for name in OPERANDS:
                    rows = sizes.rows_per_chunk(self._width(name))
                    if settings[f"{name}_buffer"] and begins[name] and slot < rows:
                        requests[name] = step[name] + self._row(name, chunk, slot)
                beat = {
                    **{name: step[name] for name in OF_STEP},
                    "chunk": chunk,
                    "first_chunk": chunk == 0,
                    "last_chunk": chunk == chunks - 1,
                    "last": step["last"] and chunk == chunks - 1,
                    **{f"{name}_begins": begins[name] for name in OPERANDS},
                }
                yield {
                    "requests": requests,
                    "beat": beat if slot == max(per_beat) - 1 else None,
                    "takes": settings["x_results"] and chunk == chunks - 1,
                }

    def _row(self, name: str, chunk: int, slot: int) -> int:
        """Return the buffer row of a slot, counted from the first of its row of elements."""
        width = self._width(name)
        per_row = self.sizes.chunks_per_row(width)
        return chunk // per_row if per_row > 1 else chunk * self.sizes.rows_per_chunk(width) + slot


def random_step(source: random.Random, layout, *, last: bool) -> dict[str, int]:
    step = {name: source.getrandbits(field.width) for name, field in layout}
    return (
        step
        | {"x": source.randrange(200), "y": source.randrange(200), "last": last}
        | {"outside": 0}
    )


@cocotb.test(**TIMEOUT)
async def issues_beats(dut):
    """In every cycle, the requests and the beat are those of the current slot."""
    source, sizes = randomness(), parameters().row_chunks
    layout, out = step_layout(**SIZES), control_layout(chunks=sizes.chunks, **SIZES)
    uses = uses_layout()
    await start(dut)
    for likely in (1.0, 0.5, 0.3, 1.0) * 5:
        settings = draw(source, sizes)
        count = source.randint(1, 6)
        steps = [random_step(source, layout, last=n == count - 1) for n in range(count)]
        model = Model(settings, steps, sizes)
        for name, value in settings.items():
            # The Verilog has no inputs that are not used.
            if name.endswith("format") and hasattr(dut, name):
                getattr(dut, name).value = value
        dut.uses.value = pack(uses, **{n: v for n, v in settings.items() if "format" not in n})
        slots, granted = iter(model.slots), set()
        slot = next(slots)
        dut.steps__valid.value = 0
        while slot is not None:
            step = steps[0] if dut.steps__valid.value or source.random() < likely else None
            dut.steps__valid.value = int(step is not None)
            dut.steps__payload.value = pack(layout, **step) if step else source.getrandbits(40)
            ready = {name: source.random() < likely for name in OPERANDS}
            for name in OPERANDS:
                getattr(dut, f"{name}__ready").value = int(ready[name])
            result, stop = source.random() < likely, source.random() > max(likely, 0.8)
            dut.result_waits.value, dut.stop.value = int(result), int(stop)
            await tick(dut)
            asked = {
                name: read(dut, f"{name}__payload")
                for name in OPERANDS
                if read(dut, f"{name}__valid")
            }
            wanted = {name: row for name, row in slot["requests"].items() if name not in granted}
            assert asked == (wanted if step else {})
            granted |= {name for name in asked if ready[name]}
            goes = step is not None and set(slot["requests"]) <= granted and not stop
            goes = goes and (result or not settings["x_results"])
            issues = goes and slot["beat"] is not None
            assert read(dut, "beats__valid") == issues
            if issues:
                beat = unpack(out, read(dut, "beats__payload"))
                names = list(slot["beat"])
                compare(f"{names}", [[beat[k] for k in names]], [[*slot["beat"].values()]])
            taken = bool(issues and slot["beat"]["last_chunk"])
            assert read(dut, "steps__ready") == taken
            assert read(dut, "takes_result") == (taken and slot["takes"])
            if goes:
                granted, slot = set(), next(slots, None)
            if taken:
                steps.pop(0)
                dut.steps__valid.value = 0
        assert not steps


@cocotb.test(**TIMEOUT)
async def requests_nothing_outside(dut):
    """A step outside of the core is never taken."""
    source = randomness()
    layout = step_layout(**SIZES)
    await start(dut)
    dut.uses.value = pack(uses_layout(), x_buffer=1, y_buffer=1)
    step = random_step(source, layout, last=True) | {"outside": 1}
    dut.steps__payload.value = pack(layout, **step)
    for name in ("steps__valid", "x__ready", "y__ready", "result_waits"):
        getattr(dut, name).value = 1
    for _ in range(10):
        await tick(dut)
        for name in ("x__valid", "y__valid", "beats__valid", "takes_result", "steps__ready"):
            assert not read(dut, name)
