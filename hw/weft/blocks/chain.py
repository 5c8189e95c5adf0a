"""Chain: many instances of one component in a line, built of shorter chains."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth.hdl import Module, Shape
from amaranth.lib import wiring

from ..hierarchy import cut, instantiate, numbers_below
from .lanes import Lanes
from .pieces import connect_pieces

# Most links of a chain that is instantiated link by link; longer chains are built of shorter ones.
FLAT_LINKS = 4


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
        Instance name of a link, without its number. Shorter chains have its plural and the number
        of their first link.
    """

    passed: tuple[str, ...]
    shared: tuple[str, ...] = ()
    link: str = "link"


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
    <name>_in, <name>_out : the bits of those of the first and the last link, for each passed name
    <name> : as in the component, for each shared name
    every other member of the component : Lanes(its shape, links)
    """

    def __init__(self, *, component: type, links: int, **parameters):
        self.component = component
        self.links = links
        self.parameters = parameters
        linking = component.linking
        passed = {f"{name}_{end}" for name in linking.passed for end in ("in", "out")}
        members = component.members_of(**parameters)
        self.lanes = [name for name in members if name not in {*passed, *linking.shared}]
        for name, member in members.items():
            if name in passed:
                # The fields of a structure have names in the links.
                members[name] = wiring.Member(member.flow, Shape.cast(member.shape))
            elif name in self.lanes:
                members[name] = wiring.Member(member.flow, Lanes(member.shape, links))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        linking = self.component.linking
        connect_pieces(
            m,
            self,
            self._pieces(m, platform),
            passed=linking.passed,
            lanes=self.lanes,
            shared=linking.shared,
        )
        return m

    def _pieces(self, m: Module, platform) -> Iterator[tuple[wiring.PureInterface, int | slice]]:
        """Yield the links or the shorter chains, each with its lanes."""
        component, link = self.component, self.component.linking.link
        if self.links <= FLAT_LINKS:
            for number in range(self.links):
                name, place = f"{link}_{number}", (number,)
                yield (
                    instantiate(m, name, platform, component, place=place, **self.parameters),
                    number,
                )
            return
        for part in cut(self.links):
            chain = instantiate(
                m,
                f"{link}s_{numbers_below(self.links)[part.start]}",
                platform,
                Chain,
                place=(part.start,),
                component=component,
                links=len(part),
                **self.parameters,
            )
            yield chain, slice(part.start, part.stop)
