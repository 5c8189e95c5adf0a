"""Chain: the same component many times side by side, built by halving."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Module
from amaranth.lib import data, wiring

from ..hierarchy import instantiate, largest_power_of_two_below

# A chain of at most so many links is instantiated link by link, a longer one is halved.
FLAT_LINKS = 8


@dataclass(frozen=True, kw_only=True)
class Linking:
    """How a component is linked to its neighbours in a Chain; its attribute `linking`.

    Parameters
    ----------
    passed : tuple of str
        What goes from one link to the next: `<name>_out` of a link is `<name>_in` of the next.
    shared : tuple of str
        Inputs that are the same for all links.
    link : str
        Name of the instance of a link, its number behind it.
    halves : two str
        Names of the instances of two halves.
    """

    passed: tuple[str, ...]
    shared: tuple[str, ...] = ()
    link: str = "link"
    halves: tuple[str, str] = ("near", "far")


class Chain(wiring.Component):
    """`links` of one component, each with lanes of its own, and with what passes through all.

    Parameters
    ----------
    component : type
        Its `linking` is a Linking, and its `members_of(**parameters)` are its members.
    links : int
    **parameters
        Those of the component.

    Members
    -------
    <name>_in, <name>_out : of the first link and of the last, for each name that is passed
    <name> : as the component's, for each name that is shared
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
                ours, theirs = getattr(self, lane)[lanes], getattr(piece, lane)
                inwards = self.signature.members[lane].flow == wiring.In
                m.d.comb += theirs.eq(ours) if inwards else ours.eq(theirs)
            for name in linking.shared:
                m.d.comb += getattr(piece, name).eq(getattr(self, name))
            for name in before:
                m.d.comb += getattr(piece, f"{name}_in").eq(before[name])
                before[name] = getattr(piece, f"{name}_out")
        for name, last in before.items():
            m.d.comb += getattr(self, f"{name}_out").eq(last)
        return m

    def _pieces(self, m: Module, platform) -> Iterator[tuple[wiring.PureInterface, int | slice]]:
        """The links, or the two halves, each with the lanes that are its own."""
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
                    *(m, name, platform, Chain),
                    place=(first,),
                    component=component,
                    links=end - first,
                    **self.parameters,
                )
                yield piece, slice(first, end)
