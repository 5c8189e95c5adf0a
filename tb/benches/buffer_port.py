"""The buffer as a unit sees it through a read port."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from benches.coroutines import read, tick
from weft.buffer.unified_buffer import UnifiedBuffer


async def answer(dut, name: str, memory: np.ndarray, ready: Iterator[int], asked: list[int]):
    """Answer the requests of a port for ever, from the rows of `memory`, which are bytes.

    `ready` says in which cycles a request is taken; `asked` receives the numbers of rows.
    """
    owed: deque[int | None] = deque([None] * (UnifiedBuffer.latency - 1))
    requests, rows = f"{name}__requests", f"{name}__rows"
    while True:
        taken = int(next(ready))
        getattr(dut, f"{requests}__ready").value = taken
        await tick(dut)
        row = None
        if taken and read(dut, f"{requests}__valid"):
            row = read(dut, f"{requests}__payload")
            asked.append(row)
        owed.append(row)
        due = owed.popleft()
        getattr(dut, f"{rows}__valid").value = int(due is not None)
        if due is not None:
            payload = int.from_bytes(memory[due % len(memory)].tobytes(), "little")
            getattr(dut, f"{rows}__payload").value = payload
