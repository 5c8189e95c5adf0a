"""ReadArbiter: the requests of several readers on one bus, and the beats back to them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi4 import read_channels


def read_id_width(readers: int) -> int:
    """Return the bits of an ID: the number of the reader, and above it the epoch."""
    return max(1, (readers - 1).bit_length()) + 1


class ReadArbiter(wiring.Component):
    """Merge the requests of readers, and give each its beats; forget all of them at a flush.

    Priority rotates: the reader whose request was taken last comes last. So a request waits for at
    most one of each other reader. The ID of a request is the number of its reader and an epoch bit.
    Beats of a reader come in order, and are mixed with those of others as the memory likes.

    `flush` forgets the requests of all readers, which must be reset in the same cycle. What is on
    the bus cannot be taken back: a request stays until the memory takes it, and the memory will
    answer. A flush therefore changes the epoch, and beats of the other epoch are discarded. If
    beats of both epochs are owed at a flush, no request is taken until all of them have come.

    Latency 1 cycle for requests, one per cycle; 0 for beats, which never wait. No request is taken
    during a flush, or while `most` bursts are owed.

    Parameters
    ----------
    address_width, data_width : int
    readers : tuple of str
    most : int
        Bursts that may be owed in an epoch.

    Members
    -------
    <reader> : read_channels(...) of each reader, without ID
    memory : read_channels(..., id_width=read_id_width(number of readers)), out
    flush : 1 bit in
    idle : 1 bit out. Nothing is owed by the memory.
    """

    latency = 1

    def __init__(
        self, *, address_width: int, data_width: int, readers: tuple[str, ...], most: int = 127
    ):
        self.address_width = address_width
        self.data_width = data_width
        self.readers = readers
        self.most = most
        self.id_width = read_id_width(len(readers))
        widths = {"address_width": address_width, "data_width": data_width}
        super().__init__(
            {
                **{name: In(read_channels(**widths)) for name in readers},
                "memory": Out(read_channels(**widths, id_width=self.id_width)),
                "flush": In(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        ports = [getattr(self, name) for name in self.readers]
        epoch, draining, room = Signal(), Signal(), Signal()
        chosen = self._choose(m, ports, room)
        self._count(m, chosen.any(), epoch, draining, room)
        ar, r = self.memory.ar, self.memory.r
        with m.If(~ar.valid | ar.ready):
            m.d.sync += ar.valid.eq(chosen.any())
        for number, port in enumerate(ports):
            with m.If(chosen[number]):
                m.d.sync += [
                    *[
                        ar.payload[name].eq(port.ar.payload[name])
                        for name, _ in ar.payload.shape()
                        if name != "id"
                    ],
                    ar.payload.id.eq(self._id(number, epoch)),
                ]
            current = ~draining & (r.payload.id == self._id(number, epoch))
            m.d.comb += [
                port.ar.ready.eq(chosen[number]),
                port.r.valid.eq(r.valid & current),
                *[
                    port.r.payload[name].eq(r.payload[name])
                    for name, _ in r.payload.shape()
                    if name != "id"
                ],
            ]
        return m

    def _id(self, number: int, epoch: Value) -> Value:
        """Return the ID of a reader in an epoch."""
        return Mux(epoch, number | 1 << (self.id_width - 1), number)

    def _choose(self, m: Module, ports: list, room: Value) -> Signal:
        """Return the reader whose request is taken, one bit for each."""
        count = len(ports)
        asks, chosen = Signal(count), Signal(count)
        # Readers behind the one that was taken last; they come first.
        favored = Signal(count)
        first, others = asks & favored, asks & ~favored
        order = Mux(first.any(), first, others)
        m.d.comb += asks.eq(Cat(port.ar.valid for port in ports))
        with m.If(room & (~self.memory.ar.valid | self.memory.ar.ready)):
            # The lowest bit that is set.
            m.d.comb += chosen.eq(order & (~order + 1))
        with m.If(chosen.any()):
            m.d.sync += favored.eq(~((chosen - 1) | chosen))
        return chosen

    def _count(self, m: Module, taken: Value, epoch: Signal, draining: Signal, room: Signal):
        """Count the bursts that are owed in each epoch, and change the epoch at a flush."""
        r = self.memory.r
        ends = r.valid & r.payload.last
        owed = [Signal(range(self.most + 1), name=f"owed_{number}") for number in range(2)]
        for number, count in enumerate(owed):
            of_it = r.payload.id[-1] == number
            m.d.sync += count.eq(count + (taken & (epoch == number)) - (ends & of_it))
        old, current = Mux(epoch, owed[0], owed[1]), Mux(epoch, owed[1], owed[0])
        m.d.comb += [
            self.idle.eq(~(owed[0].any() | owed[1].any())),
            room.eq(~self.flush & ~draining & (current != self.most)),
        ]
        with m.If(self.flush & ~old.any()):
            m.d.sync += epoch.eq(~epoch)
        with m.If(self.idle):
            m.d.sync += draining.eq(0)
        with m.Elif(self.flush & old.any() & current.any()):
            m.d.sync += draining.eq(1)
