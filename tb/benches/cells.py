"""What the benches of cells share: control, and the weight that each activation meets."""

import random

from weft.array.arithmetic import Arithmetic

# Control of a cell, and the corresponding control of its row.
ROW_CONTROL = {"load": "row_loads", "switch": "row_switches"}


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
