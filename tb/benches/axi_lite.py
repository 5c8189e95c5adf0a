"""A manager of AXI4-Lite that offers addresses, data and room for responses in any order."""

import random

import cocotb

from benches.bits import pack, unpack
from benches.coroutines import read, tick
from weft.bus.axi4 import Response
from weft.bus.axi_lite import axi_lite_port
from weft_sim.cocotb_streams import Stream, send


class LiteManager:
    """One write and one read at a time, which can go on at the same time.

    With `source`, all channels wait for random numbers of cycles.
    """

    def __init__(self, dut, name: str, *, address_width: int, source: random.Random | None = None):
        self.dut, self.name, self.source = dut, name, source
        members = axi_lite_port(address_width=address_width).members
        self.layouts = {
            channel: member.signature.members["payload"].shape
            for channel, member in members.items()
        }

    def _gap(self) -> int:
        return self.source.choice([0, 0, 1, 6]) if self.source else 0

    async def _send(self, channel: str, **fields: int) -> None:
        stream = Stream.amaranth(self.dut, f"{self.name}__{channel}")
        await send(stream, [(pack(self.layouts[channel], **fields),)], iter([self._gap()]))

    async def _take(self, channel: str) -> dict[str, int]:
        """Take a response, which must not change while it waits."""
        name, held = f"{self.name}__{channel}", None
        ready, gap = getattr(self.dut, f"{name}__ready"), self._gap()
        while True:
            ready.value = int(gap == 0)
            taken, gap = gap == 0, max(0, gap - 1)
            await tick(self.dut)
            valid, payload = read(self.dut, f"{name}__valid"), read(self.dut, f"{name}__payload")
            assert held is None or (valid and payload == held), f"{channel} changed"
            if valid and taken:
                ready.value = 0
                return unpack(self.layouts[channel], payload)
            held = payload if valid else None

    async def write(self, address: int, value: int, strobes: int = 0xF) -> Response:
        """Write a word; return the response."""
        sending = [
            cocotb.start_soon(self._send("aw", addr=address)),
            cocotb.start_soon(self._send("w", data=value, strb=strobes)),
        ]
        response = await self._take("b")
        for task in sending:
            assert task.done(), "the response came before the address or the data was taken"
        return Response(response["resp"])

    async def read(self, address: int) -> tuple[int, Response]:
        """Read a word; return it with the response."""
        sending = cocotb.start_soon(self._send("ar", addr=address))
        response = await self._take("r")
        assert sending.done(), "the response came before the address was taken"
        return response["data"], Response(response["resp"])
