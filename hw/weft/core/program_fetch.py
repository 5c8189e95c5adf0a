"""ProgramFetch: read a program from the memory, check it, and send it to the sequencer."""

from typing import NamedTuple

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import enum, stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi4 import read_channels
from ..bus.line_reader import LineReader
from ..bus.regions import regions_layout
from ..hierarchy import instantiate
from ..isa.fields import UNIT_BYTES, UNIT_WORDS, WORD_BITS
from ..isa.requirements import HEADER_BY_NAME, HEADER_BYTES, HEADER_WORDS
from ..sequencer.ports import NUMBER_BITS, UNIT_BITS, program_unit_layout
from .core_config import CoreConfig
from .errors import CoreError
from .header_check import HeaderCheck
from .reporter import place_layout

HEADER_UNITS = HEADER_BYTES // UNIT_BYTES
# Units of 32 bytes that are requested at once: the largest burst.
LINE_UNITS = 64
_CRC, _UNITS = (HEADER_BY_NAME[name].word for name in ("crc", "units"))


class State(enum.Enum, shape=3):
    """What is read."""

    IDLE = 0
    HEADER = 1
    BODY = 2
    LAST_WORD = 3
    STREAM = 4
    ERROR = 5


class ProgramFetch(wiring.Component):
    """Read the header of a program, compute the CRC of all of it, then read it again to execute it.

    No instruction leaves before the CRC of the whole program has been compared, because a program
    can be larger than every memory of the core. So it is read twice: first for the CRC, a word of
    32 bits per cycle, then for the sequencer, a unit of 32 bytes per cycle or as fast as the bus.

    | Cycle | |
    | --- | --- |
    | 0 | `launch` |
    | 3 | the header is requested |
    | a | the last beat of its first unit comes |
    | a + 6 | the first word is checked, then one per cycle; from there on the CRC is computed |
    | b | the last word of the header is checked |
    | b + 3 | the instructions are requested, and pass in the same way |
    | c | the last word of the program |
    | c + 1 | the CRC is compared |
    | c + 2 | `checked` is high |
    | c + 4 | the instructions are requested again |

    `error` is NONE until the first error, and then keeps its code until a reset: those of
    HeaderCheck, in the order of the words, then CRC; READ_RESPONSE at any time. `place` is the unit
    of 32 bytes of the program, header included, and the word of it. After an error nothing is
    requested; a reset discards everything.

    Parameters
    ----------
    config : CoreConfig

    Members
    -------
    launch : 1 bit in, while nothing is read. Read the program at `address`.
    address : address of its first byte, in
    regions : regions_layout(...) in; constant while a program is read
    memory : read_channels(...), without ID
    checked : 1 bit out, for a cycle. The program is whole, and the core can execute it.
    units : stream of program_unit_layout(), out, without the header
    error : CoreError, out
    place : place_layout(), out
    """

    def __init__(self, *, config: CoreConfig, room: int = 64):
        self.config = config
        self.room = room
        bus = config.bus
        memory = read_channels(address_width=bus.address_width, data_width=bus.data_width)
        super().__init__(
            {
                "launch": In(1),
                "address": In(bus.address_width),
                "regions": In(regions_layout(bus.address_width)),
                "memory": Out(memory),
                "checked": Out(1),
                "units": Out(stream.Signature(program_unit_layout())),
                "error": Out(CoreError),
                "place": Out(place_layout()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.config.bus
        reader = instantiate(
            m,
            "reader",
            platform,
            LineReader,
            address_width=bus.address_width,
            data_width=bus.data_width,
            row_bytes=UNIT_BYTES,
            tag_width=0,
            room=self.room,
        )
        connect(m, reader.memory, flipped(self.memory))
        state, begin = Signal(State), Signal()
        # Units of the body, and its address.
        units = Signal(NUMBER_BITS, reset_less=True)
        body = Signal(bus.address_width, reset_less=True)
        span = _Span(
            begin=begin,
            address=Mux(state == State.IDLE, self.address, body),
            units=Mux(state == State.IDLE, HEADER_UNITS, units),
        )
        self._request(m, reader.lines, span)
        words, last = self._split(m, reader.rows, state, span)
        crc_is_right = self._check(m, platform, words, state, units)
        with m.Switch(state):
            with m.Case(State.IDLE), m.If(self.launch):
                m.d.comb += begin.eq(1)
                m.d.sync += [state.eq(State.HEADER), body.eq(self.address + HEADER_BYTES)]
            with m.Case(State.HEADER), m.If(words.ends):
                m.d.comb += begin.eq(1)
                m.d.sync += state.eq(State.BODY)
            with m.Case(State.BODY), m.If(words.ends):
                m.d.sync += state.eq(State.LAST_WORD)
            with m.Case(State.LAST_WORD), m.If(crc_is_right):
                m.d.comb += begin.eq(1)
                m.d.sync += state.eq(State.STREAM)
            with m.Case(State.STREAM), m.If(last & self.units.ready):
                m.d.sync += state.eq(State.IDLE)
        m.d.sync += self.checked.eq((state == State.LAST_WORD) & crc_is_right)
        with m.If(reader.error):
            self._report(m, CoreError.READ_RESPONSE)
        with m.If(self.error != CoreError.NONE):
            m.d.sync += state.eq(State.ERROR)
        return m

    def _report(self, m: Module, error: Value | CoreError, number: Value | int = 0) -> None:
        """Report the first error, and the number of the word of the header."""
        word_bits = (UNIT_WORDS - 1).bit_length()
        with m.If(self.error == CoreError.NONE):
            m.d.sync += [
                self.error.eq(error),
                self.place.unit.eq(number >> word_bits),
                self.place.word.eq(number),
            ]

    def _request(self, m: Module, lines, span: "_Span") -> None:
        """Request the units of a span, as lines of at most LINE_UNITS."""
        address = Signal(self.config.bus.address_width, reset_less=True)
        wanted, size = Signal(NUMBER_BITS), Signal(range(LINE_UNITS + 1))
        m.d.comb += [
            lines.valid.eq(wanted.any() & (self.error == CoreError.NONE)),
            size.eq(Mux(wanted < LINE_UNITS, wanted, LINE_UNITS)),
            lines.payload.address.eq(address),
            lines.payload.bytes.eq(size * UNIT_BYTES),
        ]
        with m.If(lines.valid & lines.ready):
            m.d.sync += [
                address.eq(address + LINE_UNITS * UNIT_BYTES),
                wanted.eq(wanted - size),
            ]
        with m.If(span.begin):
            m.d.sync += [address.eq(span.address), wanted.eq(span.units)]

    def _split(self, m: Module, rows, state: Signal, span: "_Span") -> tuple["_Words", Value]:
        """Send the units of the last pass to the sequencer, and split all others into words.

        Return the words, and whether the last unit of the program is offered to the sequencer.
        """
        left = Signal(NUMBER_BITS, reset_less=True)
        held, full, last = Signal(UNIT_BITS, reset_less=True), Signal(), Signal(reset_less=True)
        place, takes, streams = Signal(range(UNIT_WORDS)), Signal(), Signal()
        number = Signal(range(HEADER_WORDS))
        ends_unit = place == UNIT_WORDS - 1
        words = _Words(
            valid=full, bits=held[:WORD_BITS], number=number, ends=full & ends_unit & last
        )
        m.d.comb += [
            streams.eq(state == State.STREAM),
            takes.eq(~streams & (~full | ends_unit)),
            self.units.valid.eq(rows.valid & streams),
            self.units.payload.bits.eq(rows.payload.data),
            self.units.payload.last.eq(left == 1),
            rows.ready.eq(Mux(streams, self.units.ready, takes)),
        ]
        with m.If(rows.valid & rows.ready):
            m.d.sync += left.eq(left - 1)
        with m.If(full):
            m.d.sync += [
                held.eq(held >> WORD_BITS),
                place.eq(place + 1),
                full.eq(~ends_unit),
                number.eq(number + 1),
            ]
        with m.If(takes & rows.valid):
            m.d.sync += [full.eq(1), held.eq(rows.payload.data), last.eq(left == 1)]
        with m.If(span.begin):
            m.d.sync += [left.eq(span.units), number.eq(0)]
        return words, self.units.valid & self.units.payload.last

    def _check(self, m: Module, platform, words: "_Words", state: Signal, units: Signal) -> Value:
        """Check the words of the header, and return whether the CRC of all words is right."""
        check = instantiate(
            m,
            "header",
            platform,
            HeaderCheck,
            capacity=self.config.capacity,
            address_width=self.config.bus.address_width,
        )
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=WORD_BITS).create()
        expected = Signal(WORD_BITS, reset_less=True)
        in_header, is_crc = Signal(), Signal()
        right = crc.crc == expected
        m.d.comb += [
            check.word.eq(words.bits),
            check.number.eq(words.number),
            check.regions.eq(self.regions),
            in_header.eq(words.valid & (state == State.HEADER)),
            is_crc.eq(in_header & (words.number == _CRC)),
            crc.start.eq(state == State.IDLE),
            crc.valid.eq(words.valid),
            crc.data.eq(Mux(is_crc, 0, words.bits)),
        ]
        with m.If(is_crc):
            m.d.sync += expected.eq(words.bits)
        with m.If(in_header & (words.number == _UNITS)):
            m.d.sync += units.eq(words.bits)
        with m.If((state == State.LAST_WORD) & ~right):
            self._report(m, CoreError.CRC, _CRC)
        with m.If(in_header & (check.error != CoreError.NONE)):
            self._report(m, check.error, words.number)
        return right


class _Span(NamedTuple):
    """Units to read from now on: where and how many, in the cycle with `begin`."""

    begin: Value
    address: Value
    units: Value


class _Words(NamedTuple):
    """A word of the program; `number` counts in the header, `ends` marks the last one of a pass."""

    valid: Value
    bits: Value
    number: Value
    ends: Value
