"""The floorplan: each multiplier of an array has its own site, near those of its neighbours."""

import dataclasses
from collections import defaultdict

import pytest

from weft.boards import BOARDS
from weft.core.axi_matrix_unit import AxiMatrixUnit
from weft.core.core_config import TINY
from weft.hierarchy import Hierarchy, ModuleLibrary
from weft.host_link.core_host import CoreHost
from weft.primitives.ecp5 import Ecp5Multiplier
from weft_cli.fpga.floorplan import SITES, floorplan
from weft_sim.scopes import cells

BOARD = BOARDS["ulx3s-85f"]
FAST = {"inner_product": "fast", "multiplier_stages": 3}


def config_of(rows, columns, **changes):
    return dataclasses.replace(BOARD.config, rows=rows, columns=columns, **changes)


def position(site: str) -> tuple[int, int]:
    x, y, _ = site.split("/")
    return int(x[1:]), int(y[1:])


def plan_of(board, config) -> dict[str, str]:
    return floorplan(board, config, hierarchy_on(board, config))


def hierarchy_on(board, config) -> Hierarchy:
    """The hierarchy of a unit on a board, without its Verilog."""
    library = ModuleLibrary("unit", board.family)
    return library.hierarchy(library.add(AxiMatrixUnit, config=config).name)


def hard_cells(config) -> dict[tuple[int, int], str]:
    hard_columns = config.columns - config.soft_columns
    return {at: scope for at, scope in cells(config).items() if at[1] < hard_columns}


def test_the_array_of_a_core_has_the_places_of_its_unit():
    library = ModuleLibrary("core", BOARD.family)
    link = {"cycles_per_bit": 4, "clock_hz": 1}
    hierarchy = library.hierarchy(library.add(CoreHost, config=TINY, **link).name)
    plan = floorplan(BOARD, TINY.matrix, hierarchy)
    assert len(plan) == 16
    array = "core.processor.data_path.matrix_unit.array."
    assert all(name.startswith(array) for name in plan)
    alone = plan_of(BOARD, TINY.matrix)
    assert sorted(plan.values()) == sorted(alone.values())


PLANS = {
    "8x8": config_of(8, 8),
    "12x12": config_of(12, 12),
    "1x1": config_of(1, 1),
    "5x3": config_of(5, 3),
    "24x2": config_of(24, 2),
    "24x12-fast": config_of(24, 12, **FAST),
    "16x8-fast": config_of(16, 8, **FAST),
    "24x16-fast": config_of(24, 16, soft_columns=4, **FAST),
    "4x9": config_of(4, 9, soft_columns=3),
}


@pytest.mark.parametrize("config", PLANS.values(), ids=PLANS)
def test_neighbours_are_close(config):
    plan = plan_of(BOARD, config)
    fast = config.inner_product == "fast"
    grid = {at: plan.pop(f"{scope}.multiplier.block") for at, scope in hard_cells(config).items()}
    assert len(plan) == fast * config.cell_rows, "sites of neither cells nor activation products"
    if fast:
        west = hierarchy_on(BOARD, config).find(Ecp5Multiplier.__name__)
        grid |= {(at[0], -1): plan[f"{path}.block"] for path, at, _ in west if ".west." in path}
    sites = SITES[BOARD.part]
    known = {
        f"X{block + x}/Y{line}/MULT18_{number}"
        for line in sites.lines
        for block in sites.blocks
        for x, number in sites.places
    }
    assert len(known) == BOARD.multiplier_blocks
    assert len(set(grid.values())) == len(grid)
    assert set(grid.values()) <= known
    for (row, column), site in grid.items():
        x, y = position(site)
        if (row, column + 1) in grid:
            east_x, east_y = position(grid[row, column + 1])
            assert east_y == y
            assert -4 <= east_x - x <= 22
        if (row + 1, column) in grid:
            south_x, south_y = position(grid[row + 1, column])
            assert (abs(south_x - x) <= 12) if south_y == y else south_y == y + 24


@pytest.mark.parametrize("name", [name for name in PLANS if "fast" not in name])
def test_a_block_has_enough_enables(name):
    """A block has four enables. One is constant, so at most three diagonals switch in it."""
    config = PLANS[name]
    plan = plan_of(BOARD, config)
    switches = defaultdict(set)
    blocks = sorted(SITES[BOARD.part].blocks)
    for (row, column), scope in hard_cells(config).items():
        x, y = position(plan[f"{scope}.multiplier.block"])
        switches[max(block for block in blocks if block <= x), y].add(row + column)
    assert max(len(diagonals) for diagonals in switches.values()) <= 3


@pytest.mark.parametrize(
    "board, rows, columns", [("icebreaker", 4, 4), ("arty-z7-20", 12, 12), ("ulx3s-85f", 6, 26)]
)
def test_units_without_a_floorplan_are_left_to_the_placer(board, rows, columns):
    chosen = BOARDS[board]
    config = dataclasses.replace(chosen.config, rows=rows, columns=columns)
    assert plan_of(chosen, config) == {}
