"""The ports of AXI channels, one signal for each field, with their standard names."""

from collections.abc import Iterator

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Flow, In, Out


def _fields(signature: wiring.Signature) -> Iterator[tuple[str, str, str | None, int, Flow]]:
    """Yield for each signal the channel, its name, its field of the payload, bits and direction."""
    for channel, member in signature.members.items():
        stream = member.signature
        toward = member.flow
        payload = stream.members["payload"].shape
        for field, place in payload:
            if place.width:
                yield channel, field, field, place.width, toward
        yield channel, "valid", None, 1, toward
        yield channel, "ready", None, 1, toward.flip()


def axi_ports(prefix: str, signature: wiring.Signature) -> dict[str, wiring.Member]:
    """Return a member for each signal of the channels.

    Parameters
    ----------
    prefix : str
        Of the names, such as "m_axi": the address of channel "ar" is then m_axi_araddr.
    signature : Signature
        One stream for each channel; the fields of its payload are those of AXI.
    """
    return {
        f"{prefix}_{channel}{name}": (Out if flow == Out else In)(width)
        for channel, name, _, width, flow in _fields(signature)
    }


def connect_axi(
    m: Module,
    prefix: str,
    outer: wiring.Component,
    inner: wiring.PureInterface,
    *,
    awake: Value | int = 1,
) -> None:
    """Connect the ports of a component with channels inside of it, which go the same ways.

    Parameters
    ----------
    awake : Value
        High from some cycle after the reset on: READY of the channels that are always ready.
    """
    for channel, name, field, _, flow in _fields(inner.signature):
        port = getattr(outer, f"{prefix}_{channel}{name}")
        stream = getattr(inner, channel)
        if name == "ready" and stream.signature.always_ready:
            m.d.comb += port.eq(awake)
            continue
        signal = Value.cast(getattr(stream, name) if field is None else stream.payload[field])
        m.d.comb += port.eq(signal) if flow == Out else signal.eq(port)
