"""Chain: many instances of one component in a line, built by halving."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import data, wiring

from ..hierarchy import instantiate, largest_power_of_two_below

# Most links of a chain that is instantiated link by link; longer chains are halved.
FLAT_LINKS = 8


@dataclass(frozen=True, kw_only=True)
class Linking:
    """How a Chain links a component to its neighbours; the component has it as `linking`.

    Parameters
    ----------
    passed : tuple of str
        Signals passed from link to link: `<name>_out` of a link drives `<name>_in` of the next.
    shared : tuple of str
        Inputs that all links share.
    link : str
        Instance name of a link, without its number.
    halves : two str
        Instance names of the two halves.
    """

    passed: tuple[str, ...]
    shared: tuple[str, ...] = ()
    link: str = "link"
    halves: tuple[str, str] = ("near", "far")


class Chain(wiring.Component):
    """A line of `links` instances of one component, with one lane of each other member per link.

    Parameters
    ----------
    component : type
        It has `linking`, a Linking, and `members_of(**parameters)`, which returns its members.
    links : int
    **parameters
        Parameters of the component.

    Members
    -------
    <name>_in, <name>_out : as in the first and the last link, for each passed name
    <name> : as in the component, for each shared name
    every other member of the component : ArrayLayout(its shape, links)
    """

    def __init__(self, *, component: type, links: int, **parameters):
        self.component = component
        self.links = links
        self.parameters = parameters
        linking = component.linking
        whole = {f"{name}_{end}" for name in linking.passed for end in ("in", "out")}
        whole |= set(linking.shared)
        members = component.members_of(**parameters)
        self.lanes = [name for name in members if name not in whole]
        for name in self.lanes:
            member = members[name]
            members[name] = wiring.Member(member.flow, data.ArrayLayout(member.shape, links))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        linking = self.component.linking
        before = {name: getattr(self, f"{name}_in") for name in linking.passed}
        for piece, lanes in self._pieces(m, platform):
            for lane in self.lanes:
                outer, inner = getattr(self, lane)[lanes], getattr(piece, lane)
                inwards = self.signature.members[lane].flow == wiring.In
                m.d.comb += inner.eq(outer) if inwards else outer.eq(inner)
            for name in linking.shared:
                m.d.comb += getattr(piece, name).eq(getattr(self, name))
            for name in before:
                m.d.comb += getattr(piece, f"{name}_in").eq(before[name])
                before[name] = getattr(piece, f"{name}_out")
        for name, last in before.items():
            m.d.comb += getattr(self, f"{name}_out").eq(last)
        return m

    def _pieces(self, m: Module, platform) -> Iterator[tuple[wiring.PureInterface, int | slice]]:
        """Yield the links, or the two halves, each with its lanes."""
        component, linking = self.component, self.component.linking
        if self.links <= FLAT_LINKS:
            for link in range(self.links):
                name = f"{linking.link}_{link}"
                piece = instantiate(m, name, platform, component, place=(link,), **self.parameters)
                yield piece, link
        else:
            cut = largest_power_of_two_below(self.links)
            for name, first, end in zip(linking.halves, (0, cut), (cut, self.links), strict=True):
                piece = instantiate(
                    m,
                    name,
                    platform,
                    Chain,
                    place=(first,),
                    component=component,
                    links=end - first,
                    **self.parameters,
                )
                yield piece, slice(first, end)
