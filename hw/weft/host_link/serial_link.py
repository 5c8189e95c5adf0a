"""A host link behind a UART, as every design for a board has it."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import connect

from ..hierarchy import instantiate
from .host_link import HostLink
from .link_shape import LinkShape
from .uart import UartReceiver, UartTransmitter


def add_serial_link(
    m: Module, platform, *, shape: LinkShape, cycles_per_bit: int, rx: Signal, tx: Signal
):
    """Add a UART at the pins `rx` and `tx` and a HostLink of the shape; return the link."""
    receiver = instantiate(m, "receiver", platform, UartReceiver, cycles_per_bit=cycles_per_bit)
    transmitter = instantiate(
        m, "transmitter", platform, UartTransmitter, cycles_per_bit=cycles_per_bit
    )
    link = instantiate(m, "link", platform, HostLink, shape=shape)
    connect(m, receiver.o, link.received)
    connect(m, link.transmitted, transmitter.i)
    m.d.comb += [
        receiver.rx.eq(rx),
        link.line_error.eq(receiver.framing_error),
        tx.eq(transmitter.tx),
    ]
    return link
