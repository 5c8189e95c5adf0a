"""UartReceiver and UartTransmitter: bytes on a serial line, 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

MIN_CYCLES_PER_BIT = 4
MAX_BAUD_ERROR = 0.02


def cycles_per_bit_of(clock_hz: int, baud: int) -> int:
    """Clock cycles of one bit.

    Raises
    ------
    ValueError
        If no whole number of cycles comes within 2 % of the baud rate, or if it is below 4.
    """
    cycles = max(1, round(clock_hz / baud))
    if cycles < MIN_CYCLES_PER_BIT:
        fastest = clock_hz // MIN_CYCLES_PER_BIT
        raise ValueError(
            f"{baud} baud is too fast for a clock of {clock_hz} Hz: {fastest} baud is the most"
        )
    possible = clock_hz / cycles
    if abs(possible / baud - 1) > MAX_BAUD_ERROR:
        raise ValueError(
            f"a clock of {clock_hz} Hz cannot give {baud} baud within 2 %: choose {possible:.0f}"
        )
    return cycles


def check_cycles_per_bit(cycles_per_bit: object) -> None:
    """Refuse a bit that is too short to be sampled in its middle, with a ValueError."""
    if type(cycles_per_bit) is not int or cycles_per_bit < MIN_CYCLES_PER_BIT:
        raise ValueError(
            f"cycles_per_bit must be an integer of at least {MIN_CYCLES_PER_BIT}, "
            f"not {cycles_per_bit!r}"
        )


class UartReceiver(wiring.Component):
    """Bytes from a serial line, sampled in the middle of every bit.

    A start bit that is high again in its middle was a glitch and is ignored. After a stop bit that
    is low nothing is received until the line has been high.

    Latency: `o.valid` for one cycle, about 9.5 bits after the falling edge of the start bit. Cannot
    stall. `o.payload` holds for at least one bit more.

    Parameters
    ----------
    cycles_per_bit : int, 4 or more

    Members
    -------
    rx : 1 bit in, asynchronous
    o : stream of bytes, always ready, out
    framing_error : 1 bit out, for one cycle. A stop bit was low; its byte is lost.
    """

    def __init__(self, *, cycles_per_bit: int):
        check_cycles_per_bit(cycles_per_bit)
        self.cycles_per_bit = cycles_per_bit
        super().__init__(
            {
                "rx": In(1),
                "o": Out(stream.Signature(8, always_ready=True)),
                "framing_error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        cycles = self.cycles_per_bit
        first = Signal(init=1)
        line = Signal(init=1)
        m.d.sync += [first.eq(self.rx), line.eq(first)]

        timer = Signal(range(cycles))
        count = Signal(3)
        m.d.sync += [
            timer.eq(Mux(timer == 0, cycles - 1, timer - 1)),
            self.o.valid.eq(0),
            self.framing_error.eq(0),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(cycles // 2 - 1)
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(timer == 0):
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "DATA"
            with m.State("DATA"), m.If(timer == 0):
                m.d.sync += [
                    self.o.payload.eq(Cat(self.o.payload[1:], line)),
                    count.eq(count + 1),
                ]
                with m.If(count == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(timer == 0):
                m.d.sync += [self.o.valid.eq(line), self.framing_error.eq(~line)]
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "BREAK"
            with m.State("BREAK"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a serial line.

    A byte takes ten bits and one cycle. `i.ready` is low while one is on its way.

    Parameters
    ----------
    cycles_per_bit : int, 4 or more

    Members
    -------
    i : stream of bytes
    tx : 1 bit out, high while nothing is sent
    """

    def __init__(self, *, cycles_per_bit: int):
        check_cycles_per_bit(cycles_per_bit)
        self.cycles_per_bit = cycles_per_bit
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.cycles_per_bit))
        left = Signal(range(11))
        # Start bit and data; the stop bit is the ones that move in behind.
        shift = Signal(9, init=0x1FF)
        m.d.comb += [self.i.ready.eq(left == 0), self.tx.eq(shift[0])]
        with m.If(left == 0):
            m.d.sync += timer.eq(self.cycles_per_bit - 1)
            with m.If(self.i.valid):
                m.d.sync += [shift.eq(Cat(C(0, 1), self.i.payload)), left.eq(10)]
        with m.Elif(timer == 0):
            m.d.sync += [
                timer.eq(self.cycles_per_bit - 1),
                shift.eq(Cat(shift[1:], C(1, 1))),
                left.eq(left - 1),
            ]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
