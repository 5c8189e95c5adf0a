"""UartReceiver and UartTransmitter: bytes on a serial line, 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import C, Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import checked_integer

MIN_CYCLES_PER_BIT = 4
MAX_BAUD_ERROR = 0.02
# The slowest rate that POSIX gives a serial port.
MIN_BAUD = 50


def cycles_per_bit_of(clock_hz: int, baud: int) -> int:
    """Return the clock cycles per bit.

    Raises
    ------
    ValueError
        See `checked_baud`; also if no whole number of cycles gives the baud rate within 2 %, or if
        it is below 4.
    """
    baud = checked_baud(baud)
    cycles = max(1, round(clock_hz / baud))
    if cycles < MIN_CYCLES_PER_BIT:
        fastest = clock_hz // MIN_CYCLES_PER_BIT
        raise ValueError(
            f"{baud} baud is too fast for a clock of {clock_hz} Hz: choose at most {fastest}"
        )
    possible = clock_hz / cycles
    if abs(possible / baud - 1) > MAX_BAUD_ERROR:
        raise ValueError(
            f"a clock of {clock_hz} Hz cannot give {baud} baud within 2 %: choose {possible:.0f}"
        )
    return cycles


def checked_baud(baud: object) -> int:
    """Return a baud rate as an int; raise ValueError unless it is one of a serial port."""
    return checked_integer("a baud rate", baud, low=MIN_BAUD)


def check_cycles_per_bit(cycles_per_bit: object) -> None:
    """Raise ValueError if a bit is too short to be sampled in its middle."""
    if type(cycles_per_bit) is not int or cycles_per_bit < MIN_CYCLES_PER_BIT:
        raise ValueError(
            f"cycles_per_bit must be an integer of at least {MIN_CYCLES_PER_BIT}, "
            f"not {cycles_per_bit!r}"
        )


class UartReceiver(wiring.Component):
    """Receive bytes from a serial line; sample every bit in its middle.

    A start bit that is high again in its middle is a glitch and is ignored. After a low stop bit,
    nothing is received until the line has been high.

    Latency: `o.valid` is high for one cycle, about 9.5 bits after the falling edge of the start
    bit. `o.payload` holds for at least one more bit. Cannot stall.

    Parameters
    ----------
    cycles_per_bit : int, 4 or more

    Members
    -------
    rx : 1 bit in, asynchronous
    o : stream of bytes, always ready, out
    framing_error : 1 bit out, for one cycle. A stop bit was low; the byte is lost.
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
        # The timer is 0, compared one cycle ahead.
        due = Signal()
        count = Signal(3)
        m.d.sync += [
            timer.eq(Mux(due, cycles - 1, timer - 1)),
            due.eq(timer == 1),
            self.o.valid.eq(0),
            self.framing_error.eq(0),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [timer.eq(cycles // 2 - 1), due.eq(0)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(due):
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "DATA"
            with m.State("DATA"), m.If(due):
                m.d.sync += [
                    self.o.payload.eq(Cat(self.o.payload[1:], line)),
                    count.eq(count + 1),
                ]
                with m.If(count == 7):
                    m.next = "STOP"
            with m.State("STOP"), m.If(due):
                m.d.sync += [self.o.valid.eq(line), self.framing_error.eq(~line)]
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "BREAK"
            with m.State("BREAK"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Send bytes to a serial line.

    A byte takes ten bits and one cycle. `i.ready` is low while a byte is being sent.

    Parameters
    ----------
    cycles_per_bit : int, 4 or more

    Members
    -------
    i : stream of bytes
    tx : 1 bit out. High when idle.
    """

    def __init__(self, *, cycles_per_bit: int):
        check_cycles_per_bit(cycles_per_bit)
        self.cycles_per_bit = cycles_per_bit
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.cycles_per_bit))
        # The timer is 0, compared one cycle ahead.
        due = Signal()
        left = Signal(range(11))
        # Start bit and data; the ones that shift in behind them are the stop bit.
        shift = Signal(9, init=0x1FF)
        m.d.comb += [self.i.ready.eq(left == 0), self.tx.eq(shift[0])]
        m.d.sync += due.eq(timer == 1)
        with m.If(left == 0):
            m.d.sync += timer.eq(self.cycles_per_bit - 1)
            with m.If(self.i.valid):
                m.d.sync += [shift.eq(Cat(C(0, 1), self.i.payload)), left.eq(10)]
        with m.Elif(due):
            m.d.sync += [
                timer.eq(self.cycles_per_bit - 1),
                shift.eq(Cat(shift[1:], C(1, 1))),
                left.eq(left - 1),
            ]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
