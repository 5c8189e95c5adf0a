"""LineWriter: write lines of bytes to the memory."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..hierarchy import instantiate
from .axi4 import BOUNDARY_BYTES
from .axi4_write import write_channels
from .burst_queue import BurstQueue
from .burst_writer import BurstWriter
from .line_packer import LinePacker, line_row_layout


class LineWriter(wiring.Component):
    """Write rows of bytes to lines that begin at any address, in bursts of whole beats.

    An address is offered only when all beats of its burst are here, so the memory never waits for
    data that is not there. At both ends of a line, strobes select the bytes that are written.

    Latency `latency` cycles from a row to the address of its burst, if the row completes the burst
    and its bytes fit into one beat. Then a beat per cycle, if rows have as many bytes; see
    LinePacker for others.

    `flush` discards all that has not been announced to the memory; see BurstWriter.

    Parameters
    ----------
    row_bytes : int
    data_width, address_width : int
        Of the bus.
    burst_beats : int
        Most beats of a burst, a power of two; a burst has at most 4 KiB.
    outstanding : int
        Most bursts without a response.

    Members
    -------
    rows : stream of line_row_layout(...) in
    port : write_channels(...) out
    flush : 1 bit in
    idle : 1 bit out. Nothing is owed to the memory or by it.
    finished : 1 bit out. The memory has acknowledged the last byte of an instruction.
    failed : 1 bit out. The memory has answered with an error; held until flush.
    """

    # The last register is that of the address.
    latency = LinePacker.latency + BurstQueue.latency + 1

    def __init__(
        self,
        *,
        row_bytes: int,
        data_width: int,
        address_width: int,
        burst_beats: int = 16,
        outstanding: int = 8,
    ):
        self.row_bytes = row_bytes
        self.data_width = data_width
        self.address_width = address_width
        self.burst_beats = burst_beats
        self.outstanding = outstanding
        row = line_row_layout(row_bytes=row_bytes, address_width=address_width)
        super().__init__(
            {
                "rows": In(stream.Signature(row)),
                "port": Out(write_channels(address_width=address_width, data_width=data_width)),
                "flush": In(1),
                "idle": Out(1),
                "finished": Out(1),
                "failed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.domains.filling = ClockDomain("filling", local=True)
        m.d.comb += [
            ClockSignal("filling").eq(ClockSignal()),
            ResetSignal("filling").eq(ResetSignal() | self.flush),
        ]
        sizes = {"beat_bytes": self.data_width // 8, "address_width": self.address_width}
        burst_beats = min(self.burst_beats, BOUNDARY_BYTES // sizes["beat_bytes"])
        packer = instantiate(
            m, "packer", platform, LinePacker, domain="filling", row_bytes=self.row_bytes, **sizes
        )
        queue = instantiate(
            m,
            "queue",
            platform,
            BurstQueue,
            domain="filling",
            **sizes,
            burst_beats=burst_beats,
            places=2 * burst_beats,
        )
        writer = instantiate(
            m,
            "writer",
            platform,
            BurstWriter,
            **sizes,
            burst_beats=burst_beats,
            outstanding=self.outstanding,
        )
        connect(m, flipped(self.rows), packer.rows)
        connect(m, packer.beats, queue.beats)
        connect(m, queue.words, writer.words)
        connect(m, queue.bursts, writer.bursts)
        connect(m, writer.port, flipped(self.port))
        m.d.comb += [
            writer.flush.eq(self.flush),
            self.idle.eq(writer.idle),
            self.finished.eq(writer.finished),
            self.failed.eq(writer.failed),
        ]
        return m
