"""FrameCheck: the check sequence of a frame, CRC-32, computed one bit per cycle."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

PARAMETERS = CRC32_ISO_HDLC()
INITIAL = CRC32_ISO_HDLC.initial_crc
# The bits of a byte come lowest first, so the polynomial is bit-reversed.
POLYNOMIAL = int(f"{CRC32_ISO_HDLC.polynomial:032b}"[::-1], 2)


class FrameCheck(wiring.Component):
    """The 32-bit FCS of RFC 1662 over the bytes since `clear`.

    A byte takes eight cycles, during which `busy` is high and `update` is ignored. `low` is the
    complement of the next byte of the check sequence. To send the check sequence, four times send
    ~`low` and update with `low`, which shifts the next byte down.

    Members
    -------
    clear : 1 bit in. Start again, even while `busy`.
    update, data : 1 bit and 8 bits in. Process a byte.
    busy : 1 bit out
    low : 8 bits out
    match : 1 bit out. The bytes since `clear` end with their own check sequence.
    """

    def __init__(self):
        super().__init__(
            {
                "clear": In(1),
                "update": In(1),
                "data": In(8),
                "busy": Out(1),
                "low": Out(8),
                "match": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        register = Signal(32, init=INITIAL)
        byte = Signal(8)
        left = Signal(4)
        m.d.comb += [
            self.busy.eq(left != 0),
            self.low.eq(register[:8]),
            self.match.eq(register == PARAMETERS.residue()),
        ]
        with m.If(self.busy):
            feedback = register[0] ^ byte[0]
            m.d.sync += [
                register.eq((register >> 1) ^ Mux(feedback, POLYNOMIAL, 0)),
                byte.eq(byte >> 1),
                left.eq(left - 1),
            ]
        with m.Elif(self.update):
            m.d.sync += [byte.eq(self.data), left.eq(8)]
        with m.If(self.clear):
            m.d.sync += [register.eq(INITIAL), left.eq(0)]
        return m
