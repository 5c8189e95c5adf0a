"""Stream ports in cocotb: send, throttle and watch.

Time discipline: await the rising edge, read what a flip-flop samples there, then write.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cocotb.handle import LogicObject
from cocotb.triggers import RisingEdge


@dataclass
class Stream:
    """One stream port: its handles, and its number of transfers so far."""

    clock: LogicObject
    valid: LogicObject
    ready: LogicObject
    payload: Sequence[LogicObject]
    transfers: int = field(default=0, init=False)

    @classmethod
    def axi(cls, dut, prefix: str, *signals: str) -> "Stream":
        """Return a port with AXI4-Stream names (`<prefix>_tvalid`); `signals` are its payload."""
        handles = [getattr(dut, f"{prefix}_{signal}") for signal in signals]
        return cls(
            dut.aclk, getattr(dut, f"{prefix}_tvalid"), getattr(dut, f"{prefix}_tready"), handles
        )

    @classmethod
    def amaranth(cls, dut, name: str) -> "Stream":
        """Return a port of an Amaranth component: `<name>__payload`, `__valid`, `__ready`."""
        payload = getattr(dut, f"{name}__payload")
        return cls(
            dut.clk, getattr(dut, f"{name}__valid"), getattr(dut, f"{name}__ready"), [payload]
        )


async def send(
    stream: Stream, beats: Iterable[Sequence[int]], gaps: Iterator[int] | None = None
) -> None:
    """Send beats (one number per payload signal), each after `next(gaps)` idle cycles."""
    edge = RisingEdge(stream.clock)
    for beat in beats:
        for _ in range(next(gaps) if gaps else 0):
            stream.valid.value = 0
            await edge
        for handle, number in zip(stream.payload, beat, strict=True):
            handle.value = number
        stream.valid.value = 1
        await edge
        while not stream.ready.value:
            await edge
        stream.transfers += 1
    stream.valid.value = 0


async def throttle(stream: Stream, ready: Iterator[int]) -> None:
    """Drive `ready` with the next value in every cycle, until the values end."""
    edge = RisingEdge(stream.clock)
    for value in ready:
        stream.ready.value = int(value)
        await edge


async def watch(stream: Stream, seen: Callable[[Sequence[int]], bool | None]) -> None:
    """Call `seen` with the payload of every transfer until it returns True.

    Raises AssertionError if the payload changes or `valid` falls before a transfer.
    """
    edge = RisingEdge(stream.clock)
    held = None
    while True:
        await edge
        if not stream.valid.value:
            assert held is None, "valid fell before the transfer"
            continue
        payload = [int(handle.value) for handle in stream.payload]
        assert held is None or held == payload, "the payload changed before the transfer"
        held = payload
        if stream.ready.value:
            held = None
            stream.transfers += 1
            if seen(payload):
                return
