"""What the benches of cells share: control, and the weight that each activation meets."""

import random

from amaranth.hdl import Module
from amaranth.lib import wiring

from benches.coroutines import parameters
from weft.array.arithmetic import Arithmetic
from weft.hierarchy import instantiate

# Control of a cell, and the corresponding control of its row.
ROW_CONTROL = {"load": "row_loads", "switch": "row_switches"}


# Prefixes of the outputs of a plain and of a soft cell.
PREFIXES = ("", "soft_")


class Cells(wiring.Component):
    """A plain and a soft cell with the same inputs, and the outputs of both.

    Parameters
    ----------
    plain, soft : components with equal members
    arithmetic : Arithmetic
    """

    def __init__(self, *, plain: type, soft: type, arithmetic: Arithmetic):
        self.kinds, self.arithmetic = (plain, soft), arithmetic
        super().__init__(
            {
                name if member.flow == wiring.In else f"{prefix}{name}": member
                for prefix in PREFIXES
                for name, member in plain.members_of(arithmetic).items()
            }
        )

    def elaborate(self, platform):
        m = Module()
        for prefix, kind in zip(PREFIXES, self.kinds, strict=True):
            name = f"{prefix}cell"
            cell = instantiate(m, name, platform, kind, arithmetic=self.arithmetic)
            for port, member in kind.members_of(self.arithmetic).items():
                if member.flow == wiring.In:
                    m.d.comb += getattr(cell, port).eq(getattr(self, port))
                else:
                    m.d.comb += getattr(self, f"{prefix}{port}").eq(getattr(cell, port))
        return m


def prefixes() -> tuple[str, ...]:
    """Return the prefixes of the outputs: of both cells, or an empty one for a cell alone."""
    return PREFIXES if hasattr(parameters(), "soft") else ("",)


def random_control(source: random.Random) -> dict[str, bool]:
    """Return the control of one cycle.

    The other cells of the row load and switch too, so the control of the row is high more often.
    """
    control = {}
    for name, of_row in ROW_CONTROL.items():
        control[name] = source.random() < 0.4
        control[of_row] = control[name] or source.random() < 0.5
    return control


def sum_latency(arithmetic: Arithmetic) -> int:
    """Return the cycles from an activation to the first part of its sum."""
    operand_register = sum_register = 1
    return operand_register + arithmetic.multiplier_stages + sum_register


def held_weights(inputs) -> tuple[list[int], list[int]]:
    """Return the shadow weight in each cycle, and the weight for the activation of each cycle."""
    shadow = weight = 0
    shadows, weights = [], []
    for cycle in inputs:
        shadows.append(shadow)
        if cycle["switch"]:
            weight = shadow
        weights.append(weight)
        if cycle["load"]:
            shadow = cycle["weight_in"]
    return shadows, weights
