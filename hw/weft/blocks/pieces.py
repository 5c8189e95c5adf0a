"""Connect the pieces of a component that is built of smaller ones in a line."""

from collections.abc import Iterable

from amaranth.hdl import Module
from amaranth.lib import wiring


def connect_pieces(
    m: Module,
    whole: wiring.Component,
    pieces: Iterable[tuple[wiring.PureInterface, int | slice]],
    *,
    passed: Iterable[str],
    lanes: Iterable[str],
    shared: Iterable[str] = (),
) -> None:
    """Connect the ports of a component with those of its pieces.

    Parameters
    ----------
    pieces : iterable of (interface, index or slice)
        In the order in which they are passed, each with its lanes of `whole`.
    passed : iterable of str
        Passed from piece to piece: `<name>_out` of a piece drives `<name>_in` of the next.
    lanes : iterable of str
        Ports of which each piece has its own lanes.
    shared : iterable of str
        Inputs that all pieces share.
    """
    before = {name: getattr(whole, f"{name}_in") for name in passed}
    for piece, own in pieces:
        for lane in lanes:
            outer, inner = getattr(whole, lane)[own], getattr(piece, lane)
            inwards = whole.signature.members[lane].flow == wiring.In
            m.d.comb += inner.eq(outer) if inwards else outer.eq(inner)
        for name in shared:
            m.d.comb += getattr(piece, name).eq(getattr(whole, name))
        for name, value in before.items():
            m.d.comb += getattr(piece, f"{name}_in").eq(value)
        before = {name: getattr(piece, f"{name}_out") for name in before}
    for name, value in before.items():
        m.d.comb += getattr(whole, f"{name}_out").eq(value)
