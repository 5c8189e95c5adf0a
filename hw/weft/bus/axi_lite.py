"""AxiLite: registers behind AXI4-Lite.

Source: Arm IHI 0022, AMBA AXI and ACE protocol specification, issue H, part B.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi4 import Response

WORD_BITS, WORD_BYTES = 32, 4
_PLACES = (WORD_BYTES - 1).bit_length()


def axi_lite_port(*, address_width: int) -> wiring.Signature:
    """Return the channels of AXI4-Lite with 32 bits of data, seen from the manager."""
    address = data.StructLayout({"addr": address_width})
    written = data.StructLayout({"data": WORD_BITS, "strb": WORD_BYTES})
    return wiring.Signature(
        {
            "aw": Out(stream.Signature(address)),
            "w": Out(stream.Signature(written)),
            "b": In(stream.Signature(data.StructLayout({"resp": Response}))),
            "ar": Out(stream.Signature(address)),
            "r": In(stream.Signature(data.StructLayout({"data": WORD_BITS, "resp": Response}))),
        }
    )


def word_bus(*, address_width: int) -> wiring.Signature:
    """Return the port to registers of 32 bits, seen from the one who reads and writes them.

    `write`, `read`: an access in this cycle, to the word of this number; `strobes` has one bit for
    each byte that is written. In the next cycle, `write_refused` and `read_refused` say whether it
    had no effect, and `read_data` has what was read. The two kinds of access are independent.
    """
    return wiring.Signature(
        {
            "write": Out(1),
            "write_number": Out(address_width - _PLACES),
            "write_data": Out(WORD_BITS),
            "strobes": Out(WORD_BYTES),
            "write_refused": In(1),
            "read": Out(1),
            "read_number": Out(address_width - _PLACES),
            "read_data": In(WORD_BITS),
            "read_refused": In(1),
        }
    )


class AxiLite(wiring.Component):
    """Turn the accesses of AXI4-Lite into reads and writes of words, one of each kind at a time.

    The address and the data of a write come in any order. A refused access is answered with SLVERR,
    and so is one whose address is not a multiple of 4, which has no effect.

    | Cycle | Write | Read |
    | --- | --- | --- |
    | 0 | the later one of address and data is taken | the address is taken |
    | 1 | `write` | `read` |
    | 2 | the answer of the registers | the answer of the registers |
    | 3 | the response is on `b` | the response is on `r` |

    A response stays until it is taken. The next access can be taken one cycle after this one, and
    waits until the response of this one is taken.

    Parameters
    ----------
    address_width : int
        Bits of the address of a byte.

    Members
    -------
    port : axi_lite_port(...) in
    words : word_bus(...) out
    """

    latency = 3

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__(
            {
                "port": In(axi_lite_port(address_width=address_width)),
                "words": Out(word_bus(address_width=address_width)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        """Keep an address and data until both are there, write, and respond."""
        aw, w, b, words = self.port.aw, self.port.w, self.port.b, self.words
        address = Signal.like(aw.payload.addr)
        has_address, has_data, goes, asked, aligned = (
            Signal(name=f"write_{name}")
            for name in ("has_address", "has_data", "goes", "asked", "aligned")
        )
        m.d.comb += [
            aw.ready.eq(~has_address),
            w.ready.eq(~has_data),
            goes.eq(has_address & has_data & ~b.valid),
            aligned.eq(~address[:_PLACES].any()),
            words.write.eq(goes & aligned),
            words.write_number.eq(address[_PLACES:]),
        ]
        with m.If(aw.ready):
            m.d.sync += [has_address.eq(aw.valid), address.eq(aw.payload.addr)]
        with m.Elif(goes):
            m.d.sync += has_address.eq(0)
        with m.If(w.ready):
            m.d.sync += [
                has_data.eq(w.valid),
                words.write_data.eq(w.payload.data),
                words.strobes.eq(w.payload.strb),
            ]
        with m.Elif(goes):
            m.d.sync += has_data.eq(0)
        self._respond(m, b, asked, goes, aligned, words.write_refused)

    def _read(self, m: Module) -> None:
        """Keep an address until it is read, and respond with what the word holds."""
        ar, r, words = self.port.ar, self.port.r, self.words
        address = Signal.like(ar.payload.addr)
        has_address, goes, asked, aligned = (
            Signal(name=f"read_{name}") for name in ("has_address", "goes", "asked", "aligned")
        )
        m.d.comb += [
            ar.ready.eq(~has_address),
            goes.eq(has_address & ~r.valid),
            aligned.eq(~address[:_PLACES].any()),
            words.read.eq(goes & aligned),
            words.read_number.eq(address[_PLACES:]),
        ]
        with m.If(ar.ready):
            m.d.sync += [has_address.eq(ar.valid), address.eq(ar.payload.addr)]
        with m.Elif(goes):
            m.d.sync += has_address.eq(0)
        with m.If(asked):
            m.d.sync += r.payload.data.eq(words.read_data)
        self._respond(m, r, asked, goes, aligned, words.read_refused)

    def _respond(self, m: Module, channel, asked: Signal, goes, aligned, refused) -> None:
        """Offer a response in the cycle after the answer of the registers."""
        was_aligned = Signal.like(aligned, name=f"was_{aligned.name}")
        m.d.sync += [asked.eq(goes), was_aligned.eq(aligned)]
        with m.If(asked):
            m.d.sync += [
                channel.valid.eq(1),
                channel.payload.resp.eq(
                    Mux(refused | ~was_aligned, Response.SLVERR, Response.OKAY)
                ),
            ]
        with m.Elif(channel.ready):
            m.d.sync += channel.valid.eq(0)
