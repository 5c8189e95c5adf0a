"""UnifiedBuffer: the rows of activations, weights and results, in banks."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..blocks.delay_line import DelayLine
from ..hierarchy import instantiate
from ..primitives.block_memory import BlockMemory
from .bank_arbiter import BankArbiter


def row_shape(rows: int):
    """Return the shape of the number of a row."""
    return unsigned(max(1, (rows - 1).bit_length()))


def read_port(*, rows: int, width: int) -> wiring.Signature:
    """Return the port of a reader: it sends the numbers of rows, and must take every row."""
    return wiring.Signature(
        {
            "requests": Out(stream.Signature(row_shape(rows))),
            "rows": In(stream.Signature(unsigned(width), always_ready=True)),
        }
    )


def write_layout(*, rows: int, width: int) -> data.StructLayout:
    """Return the layout of a write: `data` for the row `row`."""
    return data.StructLayout({"row": row_shape(rows), "data": width})


class UnifiedBuffer(wiring.Component):
    """A memory of rows in banks; each bank reads one row and writes one row per cycle.

    The high bits of the number of a row are its bank. Of several requests for a bank in a cycle,
    the one of the first port is taken, and the others wait: their `ready` is low, and their bit of
    `waits` high. Ports of different banks never wait, and readers never wait for writers.

    Latency `latency` cycles from the transfer of a request to its row, always; so the rows of a
    port come in the order of its requests, and a reader asks only for what it can take. A read
    returns what was written by transfers of earlier cycles. If the row is written in the cycle of
    the request, it is undefined, and so is a row outside of the buffer.

    Parameters
    ----------
    width : int
        Bits of a row.
    rows, banks : int
        `rows` / `banks` is a power of two.
    readers, writers : tuple of str
        Names of the ports, from the highest priority to the lowest.

    Members
    -------
    <reader> : read_port(...) of each reader, seen from the buffer
    <writer> : stream of write_layout(...) in, for each writer
    waits : 1 bit out per port, readers before writers. Its request waits for its bank.
    """

    # The register of the number, the memory, and the register of the row.
    latency = 1 + BlockMemory.latency + 1

    def __init__(
        self,
        *,
        width: int,
        rows: int,
        banks: int,
        readers: tuple[str, ...],
        writers: tuple[str, ...],
    ):
        self.width = width
        self.rows = rows
        self.banks = banks
        self.readers = readers
        self.writers = writers
        sizes = {"rows": rows, "width": width}
        super().__init__(
            {
                **{name: In(read_port(**sizes)) for name in readers},
                **{name: In(stream.Signature(write_layout(**sizes))) for name in writers},
                "waits": Out(data.StructLayout({name: 1 for name in (*readers, *writers)})),
            }
        )

    @property
    def _bank_bits(self) -> slice:
        """The bits of the number of a row that are its bank."""
        return slice((self.rows // self.banks - 1).bit_length(), None)

    def elaborate(self, platform):
        m = Module()
        banks = [
            instantiate(
                m,
                f"bank_{number}",
                platform,
                BlockMemory,
                width=self.width,
                depth=self.rows // self.banks,
            )
            for number in range(self.banks)
        ]
        self._read(m, platform, banks)
        self._write(m, platform, banks)
        return m

    def _arbitrate(self, m: Module, platform, name: str, ports: dict[str, tuple]):
        """Add an arbiter of ports, given as (stream, number of the row); return it."""
        arbiter = instantiate(m, name, platform, BankArbiter, ports=len(ports), banks=self.banks)
        for number, (port, (requests, row)) in enumerate(ports.items()):
            m.d.comb += [
                arbiter.asks[number].eq(requests.valid),
                arbiter.bank[number].eq(row[self._bank_bits]),
                requests.ready.eq(~arbiter.waits[number]),
                self.waits[port].eq(arbiter.waits[number]),
            ]
        return arbiter

    def _read(self, m: Module, platform, banks: Sequence) -> None:
        """Read the row that each bank was asked for, and return it to its port."""
        ports = {name: getattr(self, name) for name in self.readers}
        arbiter = self._arbitrate(
            m,
            platform,
            "read_arbiter",
            {name: (port.requests, port.requests.payload) for name, port in ports.items()},
        )
        rows = [port.requests.payload for port in ports.values()]
        for number, bank in enumerate(banks):
            m.d.sync += bank.read_row.eq(_chosen(arbiter.grants[number], rows))
        for number, (name, port) in enumerate(ports.items()):
            # The bank that reads a row for this port, one bit each, when the bank shows the row.
            sources = instantiate(
                m,
                f"{name}_source",
                platform,
                DelayLine,
                width=self.banks,
                cycles=self.latency - 1,
                reset=True,
            )
            shown = Signal(self.width, name=f"{name}_row", reset_less=True)
            m.d.comb += [
                sources.i.eq(Cat(arbiter.grants[bank][number] for bank in range(self.banks))),
                port.rows.payload.eq(shown),
            ]
            m.d.sync += [
                port.rows.valid.eq(sources.o.any()),
                shown.eq(_chosen(sources.o, [bank.o for bank in banks])),
            ]

    def _write(self, m: Module, platform, banks: Sequence) -> None:
        """Write the row that each bank was given."""
        ports = {name: getattr(self, name) for name in self.writers}
        arbiter = self._arbitrate(
            m,
            platform,
            "write_arbiter",
            {name: (port, port.payload.row) for name, port in ports.items()},
        )
        for number, bank in enumerate(banks):
            chosen = arbiter.grants[number]
            m.d.sync += [
                bank.write.eq(chosen.any()),
                bank.write_row.eq(_chosen(chosen, [port.payload.row for port in ports.values()])),
                bank.i.eq(_chosen(chosen, [port.payload.data for port in ports.values()])),
            ]


def _chosen(choices: Value, values: Sequence[Value]) -> Value:
    """Return the value whose bit of `choices` is high; zero if none is."""
    total = Mux(choices[0], values[0], 0)
    for choice, value in zip(choices[1:], values[1:], strict=True):
        total = total | Mux(choice, value, 0)
    return total
