"""Chain: the same component many times side by side, built by halving."""

from amaranth.hdl import Module
from amaranth.lib import data, wiring

from ..hierarchy import instantiate, largest_power_of_two_below
from ..matrix.config import MatrixUnitConfig

# A chain of at most so many links is drawn link by link, a longer one is halved.
FLAT_LINKS = 8


class Chain(wiring.Component):
    """`links` of one component, each with lanes of its own, and with what passes through all.

    Parameters
    ----------
    component : type
        Made with a configuration, of which its `members_of` makes its members. Its attribute
        `passed` names what goes from one link to the next: `<name>_out` of a link is `<name>_in`
        of the one behind it.
    config : MatrixUnitConfig
    links : int

    Members
    -------
    <name>_in, <name>_out : of the first link and of the last, for each name in `passed`
    every other member of the component : ArrayLayout(its shape, links)
    """

    def __init__(self, component: type, config: MatrixUnitConfig, links: int):
        self.component = component
        self.config = config
        self.links = links
        members = component.members_of(config)
        for name in self._lanes_of(members):
            member = members[name]
            members[name] = wiring.Member(member.flow, data.ArrayLayout(member.shape, links))
        self.lanes = self._lanes_of(members)
        super().__init__(members)

    def _lanes_of(self, members) -> list[str]:
        ends = {f"{name}_{end}" for name in self.component.passed for end in ("in", "out")}
        return [name for name in members if name not in ends]

    def elaborate(self, platform):
        m = Module()
        before = {name: getattr(self, f"{name}_in") for name in self.component.passed}
        for name, lanes, made in self._pieces():
            piece = instantiate(m, name, platform, *made)
            for lane in self.lanes:
                ours, theirs = getattr(self, lane)[lanes], getattr(piece, lane)
                inwards = self.signature.members[lane].flow == wiring.In
                m.d.comb += theirs.eq(ours) if inwards else ours.eq(theirs)
            for name in before:
                m.d.comb += getattr(piece, f"{name}_in").eq(before[name])
                before[name] = getattr(piece, f"{name}_out")
        for name, last in before.items():
            m.d.comb += getattr(self, f"{name}_out").eq(last)
        return m

    def _pieces(self):
        """Name, lanes and making of the links, or of the two halves."""
        if self.links <= FLAT_LINKS:
            for link in range(self.links):
                yield f"link_{link}", link, (self.component, self.config)
        else:
            cut = largest_power_of_two_below(self.links)
            for name, first, end in ("near", 0, cut), ("far", cut, self.links):
                yield name, slice(first, end), (Chain, self.component, self.config, end - first)
