"""The supported boards: their parts, and the default configuration of each."""

from dataclasses import dataclass
from importlib import import_module

from amaranth.build import Platform

from ..array.chained_arithmetic import CellArithmetic
from ..matrix.config import MatrixUnitConfig
from ..primitives import ecp5, ice40
from ..primitives.multiplier import cells_per_block, products_per_block


@dataclass(frozen=True, kw_only=True)
class Board:
    """One FPGA board.

    `platform` names module and class of the platform in amaranth-boards. `luts`, `flip_flops`,
    `multiplier_blocks` and `block_memories` are the resources of the part; one multiplier block
    computes one product, or `multipliers_per_block` products of narrow numbers. `place_options` and
    `pack_options` are the options of nextpnr and of the packer for the part. `clock_mhz` and
    `config` are the defaults of a build; `baud` is a rate that the serial adapter of the board
    supports. `payload_bytes` is the largest payload of the host link, and `memory_bytes` the memory
    of a core. `serial_pins` are the
    receiving and the sending pin on the first Pmod connector, for boards whose serial adapter is
    not connected to the FPGA.
    """

    name: str
    title: str
    family: str
    part: str
    platform: str
    oscillator_hz: int
    luts: int
    flip_flops: int
    multiplier_blocks: int
    block_memories: int
    baud: int
    clock_mhz: float
    config: MatrixUnitConfig
    multipliers_per_block: int = 1
    payload_bytes: int = 1024
    memory_bytes: int = 1 << 17
    place_options: tuple[str, ...] = ()
    pack_options: tuple[str, ...] = ()
    serial_pins: tuple[str, str] | None = None

    def multipliers_for(self, config: MatrixUnitConfig, arithmetic: CellArithmetic) -> int | None:
        """Return the products per cycle of all multiplier blocks; None if LUTs compute them.

        `arithmetic` belongs to the array of the unit or to its checksum column.
        """
        first, second = config.multiplication.operand_shapes(arithmetic)
        each = products_per_block(
            self.family,
            first=first,
            second=second,
            stages=config.multiplier_stages,
            narrow=self.multipliers_per_block,
            shared=config.multiplication.shares_multipliers,
        )
        return None if each is None else self.multiplier_blocks * each

    def cells_per_block(self, config: MatrixUnitConfig, arithmetic: CellArithmetic) -> int:
        """Return how many neighbouring cells of a row share one hard multiplier."""
        kind = config.multiplication
        if not kind.shares_multipliers:
            return 1
        first, second = kind.operand_shapes(arithmetic)
        return cells_per_block(
            self.family, first=first, second=second, stages=config.multiplier_stages
        )

    def make_platform(self) -> Platform:
        """Return the platform of amaranth-boards.

        Raises
        ------
        ModuleNotFoundError
            If amaranth-boards is not installed.
        """
        module, name = self.platform.split(":")
        return getattr(import_module(f"amaranth_boards.{module}"), name)()


def _unit(rows: int, columns: int, stages: int, depth: int) -> MatrixUnitConfig:
    return MatrixUnitConfig(
        rows=rows, columns=columns, multiplier_stages=stages, accumulator_depth=depth
    )


BOARDS = {
    board.name: board
    for board in (
        Board(
            name="ulx3s-85f",
            title="ULX3S with LFE5U-85F",
            family=ecp5.FAMILY,
            part="LFE5U-85F-6BG381",
            platform="ulx3s:ULX3S_85F_Platform",
            oscillator_hz=25_000_000,
            luts=83_640,
            flip_flops=83_640,
            multiplier_blocks=156,
            block_memories=208,
            baud=3_000_000,
            clock_mhz=100,
            place_options=("--85k", "--package", "CABGA381", "--speed", "6"),
            config=_unit(8, 8, 2, 512),
        ),
        Board(
            name="icebreaker",
            title="iCEBreaker with iCE40UP5K",
            family=ice40.FAMILY,
            part="iCE40UP5K-SG48",
            platform="icebreaker:ICEBreakerPlatform",
            oscillator_hz=12_000_000,
            luts=5_280,
            flip_flops=5_280,
            multiplier_blocks=8,
            multipliers_per_block=2,
            block_memories=30,
            baud=1_000_000,
            clock_mhz=24,
            place_options=("--up5k", "--package", "sg48"),
            config=_unit(4, 4, 1, 128),
            payload_bytes=256,
        ),
        Board(
            name="tang-nano-9k",
            title="Tang Nano 9K with GW1NR-9C",
            family="gowin",
            part="GW1NR-LV9QN88PC6/I5",
            platform="tang_nano_9k:TangNano9kPlatform",
            oscillator_hz=27_000_000,
            luts=8_640,
            flip_flops=6_480,
            multiplier_blocks=20,
            multipliers_per_block=2,
            block_memories=26,
            baud=2_000_000,
            clock_mhz=54,
            place_options=("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
            pack_options=("-d", "GW1N-9C"),
            config=_unit(4, 4, 1, 128),
            payload_bytes=256,
        ),
        Board(
            name="arty-a7-35",
            title="Arty A7 with XC7A35T",
            family="xc7",
            part="xc7a35ticsg324-1L",
            platform="arty_a7:ArtyA7_35Platform",
            oscillator_hz=100_000_000,
            luts=20_800,
            flip_flops=41_600,
            multiplier_blocks=90,
            block_memories=50,
            baud=2_000_000,
            clock_mhz=150,
            config=_unit(8, 8, 2, 512),
        ),
        Board(
            name="arty-z7-20",
            title="Arty Z7 with XC7Z020",
            family="xc7",
            part="xc7z020clg400-1",
            platform="arty_z7:ArtyZ720Platform",
            oscillator_hz=125_000_000,
            luts=53_200,
            flip_flops=106_400,
            multiplier_blocks=220,
            block_memories=140,
            baud=2_000_000,
            clock_mhz=150,
            config=_unit(12, 12, 2, 512),
            serial_pins=("1", "2"),
        ),
    )
}


def board_named(name: str) -> Board:
    """Return the board of that name.

    Raises
    ------
    ValueError
        If there is no such board; the message lists the boards.
    """
    if name not in BOARDS:
        raise ValueError(f"there is no board {name!r}; the boards are {', '.join(BOARDS)}")
    return BOARDS[name]
