"""Build a matrix unit or a core for a board: from the Verilog to the bitstream and the report."""

import dataclasses
import hashlib
import json
import math
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from weft.boards import TOP_MODULE, Board, BoardTop
from weft.core.core_config import CoreConfig
from weft.emit.files import write_whole
from weft.host_link.uart import checked_baud
from weft.matrix.checksum_arithmetic import checksum_arithmetic, checksum_is_soft
from weft.matrix.config import MAX_SIDE, MatrixUnitConfig
from weft.parameters import plain_parameters
from weft_sim.toolchain import build_root, require_packages
from weft_sim.yosys import count_cells

from ..durations import rough
from .families import FAMILIES, Family, count
from .floorplan import floorplan
from .report import critical_path, frequency

REPORT = "report.json"
LOG_TAIL = 20
# Lines of the Python source, which do not change the design.
SOURCE_LINE = re.compile(rb"(?m)^\s*attribute \\src .*\n")

# Files of Amaranth's build plan that do not change the design, or that run tools themselves.
NOT_WRITTEN = (".bat", ".debug.v", ".ys")


class BuildFailed(RuntimeError):
    """The design cannot be built for the board; the message says what it exceeds or what failed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One build: a matrix unit or a core, a board, a clock and the seed of place and route.

    Raises
    ------
    ValueError, BuildFailed
        If a number is out of range, or the array needs more multipliers than the part has.
    """

    board: Board
    config: MatrixUnitConfig | CoreConfig
    clock_mhz: float
    baud: int
    seed: int

    def __post_init__(self):
        if self.seed < 0:
            raise ValueError(f"a seed must be an integer of at least 0, not {self.seed}")
        if not (math.isfinite(self.clock_mhz) and self.clock_mhz > 0):
            raise ValueError(f"a clock must be a number above 0, not {self.clock_mhz:g}")
        checked_baud(self.baud)
        check_multipliers(self.board, self.unit)

    @property
    def core(self) -> CoreConfig | None:
        """The core, if it is one."""
        return self.config if isinstance(self.config, CoreConfig) else None

    @property
    def unit(self) -> MatrixUnitConfig:
        """The matrix unit, which may be that of a core."""
        return self.config.matrix if isinstance(self.config, CoreConfig) else self.config

    @property
    def size(self) -> str:
        """Rows and columns of the array."""
        return f"{self.unit.rows}x{self.unit.columns}"

    @property
    def name(self) -> str:
        """Name of the folder of the results."""
        return f"{self.board.name}-{'core-' if self.core else ''}{self.size}"


def check_multipliers(board: Board, config: MatrixUnitConfig) -> None:
    """Raise BuildFailed if an array needs more multipliers than the part has."""
    needed = multipliers_of(board, config)
    available = board.multipliers_for(config, config.arithmetic)
    if available is not None and needed > available:
        side = max(
            (
                n
                for n in range(1, MAX_SIDE + 1)
                if _square_multipliers(board, config, n) <= available
            ),
            default=0,
        )
        raise BuildFailed(
            f"{config.rows}x{config.columns} needs {needed} multipliers, but the {board.part} has "
            f"{available}; the largest square array of {config.activation} by {config.weight} with "
            f"the {config.inner_product} inner product is {side}x{side}"
            f"{_soft_columns_hint(board, config, available)}"
        )


def _soft_columns_hint(board: Board, config: MatrixUnitConfig, available: int) -> str:
    """Name the smallest number of soft columns that needs few enough multipliers, if any."""
    for soft_columns in range(config.soft_columns + 1, config.columns + 1):
        softer = dataclasses.replace(config, soft_columns=soft_columns)
        if multipliers_of(board, softer) <= available:
            return f"; with soft_columns = {soft_columns} there are enough multipliers"
    return ""


def multipliers_of(board: Board, config: MatrixUnitConfig) -> int:
    """Return the number of hard multipliers of an array, including those that it leaves idle.

    A multiplier that neighbours share may be partly idle at the end of a row. The weights of the
    checksum column are wider, so each of its products may take several multipliers.
    """
    kind, hard_columns = config.multiplication, config.columns - config.soft_columns
    step = board.cells_per_block(config, config.arithmetic)
    needed = kind.multipliers(rows=config.rows, columns=math.ceil(hard_columns / step) * step)
    if config.checksum:
        available = board.multipliers_for(config, config.arithmetic)
        for_checksums = board.multipliers_for(config, checksum_arithmetic(config))
        if available and for_checksums:
            step = board.cells_per_block(config, checksum_arithmetic(config))
            columns = 0 if checksum_is_soft(config) else step
            column = kind.multipliers(rows=config.rows, columns=columns)
            needed += column * (available // for_checksums)
    return needed


def _square_multipliers(board: Board, config: MatrixUnitConfig, side: int) -> float:
    if side % config.rows_per_cell:
        return math.inf
    return multipliers_of(board, dataclasses.replace(config, rows=side, columns=side))


@dataclass(frozen=True)
class BoardDesign:
    """The design of a job: every file that the tools read, and a key that identifies the result.

    `sites`: site of each cell that is not left to the placer, by its name in the netlist.
    `clock_hz`: the frequency that the PLL actually generates. `key`: a hash of everything that the
    result depends on.
    """

    job: Job
    files: dict[str, bytes]
    sites: dict[str, str]
    clock_hz: int
    tools: dict[str, str]
    key: str

    @property
    def family(self) -> Family:
        return FAMILIES[self.job.board.family]

    @classmethod
    def of(cls, job: Job) -> "BoardDesign":
        """Generate the design of a job.

        Raises
        ------
        ToolMissing
        ValueError
            See BoardTop.
        """
        tools = tools_of(FAMILIES[job.board.family])
        top = BoardTop(job.board, job.config, round(job.clock_mhz * 1e6), job.baud)
        platform = job.board.make_platform()
        host = top.host_design()
        platform.add_file("host.v", host.verilog)
        files = {
            name: text if isinstance(text, bytes) else text.encode()
            for name, text in platform.prepare(top, name=TOP_MODULE).files.items()
            if not name.endswith(NOT_WRITTEN)
        }
        plan = floorplan(job.board, job.unit, host.hierarchy)
        sites = {f"host.{name}": site for name, site in plan.items()}
        return cls(job, files, sites, top.clock_hz, tools, design_key(job, files, sites, tools))


def build(design: BoardDesign, folder: Path, progress: Callable[[str], None] | None = None) -> dict:
    """Make the bitstream, or the Vivado project, of a design in `folder`; return the report.

    The report is also written to report.json. For a board without open tools, the folder contains
    the Verilog, the pins and a script for Vivado, and the report has the cell counts of Yosys. If
    the folder already has the report of the same design, nothing is built.

    Parameters
    ----------
    progress : callable, optional
        Called with the name of each step.

    Raises
    ------
    BuildFailed
        If the unit does not fit, or a tool fails.
    """
    job, family = design.job, design.family
    folder.mkdir(parents=True, exist_ok=True)
    report_path = folder / REPORT
    if (known := read_report(report_path)) and known["key"] == design.key:
        return known
    for stale in (report_path, folder / family.result):
        stale.unlink(missing_ok=True)
    for name, content in design.files.items():
        (folder / name).write_bytes(content)

    started = time.monotonic()
    begin = progress or (lambda step: None)
    begin("synthesis")
    cells = _synthesize(design, folder)
    _check_fit(job, family, cells)
    timing = {"fmax_mhz": None, "timing_met": None, "peak_gmac_per_second": None}
    if family.place:
        luts = count(cells, family.luts)
        begin(f"place and route, about {rough(luts * family.place_seconds_per_lut)}")
        _run([*family.place_command(job.board), *_options(job)], folder, "nextpnr.log")
        begin("bitstream")
        _run(family.pack_command(job.board), folder, "pack.log")
        timing = _timing(design, json.loads((folder / "nextpnr.json").read_text()))
    report = {
        "board": job.board.name,
        "rows": job.unit.rows,
        "columns": job.unit.columns,
        "options": plain_parameters(job.unit),
        "core": job.core.plain if job.core else None,
        "lut": count(cells, family.luts),
        "ff": count(cells, family.flip_flops),
        "dsp": count(cells, family.multipliers),
        "bram": count(cells, family.memories),
        "clock_mhz": design.clock_hz / 1e6,
        "baud": job.baud,
        "seed": job.seed,
        **timing,
        "result": family.result,
        "seconds": round(time.monotonic() - started, 1),
        "tools": design.tools,
        "key": design.key,
    }
    write_whole(report_path, json.dumps(report, indent=2) + "\n")
    return report


def tools_of(family: Family) -> dict[str, str]:
    """Return the versions of the tools; raise ToolMissing if one is not installed."""
    packages = ("pyosys", "amaranth_boards", *family.packages)
    require_packages(*packages)
    names = [package.replace("_", "-") for package in packages]
    return {name: version(name) for name in ("amaranth", *names)}


def default_folder(job: Job) -> Path:
    return build_root() / "fpga" / job.name


def design_key(
    job: Job, files: dict[str, bytes], sites: dict[str, str], tools: dict[str, str]
) -> str:
    """Return a hash of everything that a result depends on."""
    family = FAMILIES[job.board.family]
    commands = [family.synthesis, *family.place_command(job.board), *_options(job), sites]
    weights = [family.luts, family.flip_flops, family.multipliers, family.memories]
    digest = hashlib.sha256(json.dumps([commands, weights, tools]).encode())
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + SOURCE_LINE.sub(b"", files[name]))
    return digest.hexdigest()


def read_report(path: Path) -> dict | None:
    """Return the report of an earlier build, or None."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def _synthesize(design: BoardDesign, folder: Path) -> dict[str, int]:
    """Run Yosys; return the number of cells of each type."""
    rtlil = f"{TOP_MODULE}.il"
    sites = design.sites
    top = f"read_rtlil {rtlil}" if rtlil in design.files else f"read_verilog {TOP_MODULE}.v"
    return count_cells(
        "read_verilog host.v",
        top,
        f"{design.family.synthesis} -top {TOP_MODULE}",
        *[f'setattr -set BEL "{site}" c:{name}' for name, site in sites.items()],
        # Every name matched a cell.
        f"select -assert-count {len(sites)} a:BEL",
        f"write_json {TOP_MODULE}.json",
        folder=folder,
    )


def _check_fit(job: Job, family: Family, cells: dict[str, int]) -> None:
    """Raise BuildFailed if the netlist exceeds the part, before hours of place and route."""
    board = job.board
    for what, needed, available in (
        ("LUTs", count(cells, family.luts), board.luts),
        ("flip-flops", count(cells, family.flip_flops), board.flip_flops),
        ("multiplier blocks", count(cells, family.multipliers), board.multiplier_blocks),
        ("block memories", count(cells, family.memories), board.block_memories),
    ):
        if needed > available:
            raise BuildFailed(
                f"{job.size} needs {needed} {what}, but the {board.part} has {available}; use a "
                "smaller array or a smaller accumulator_depth"
            )


def _options(job: Job) -> list[str]:
    """Return the options of nextpnr that are the same for all families."""
    return [
        *("--json", f"{TOP_MODULE}.json", "--report", "nextpnr.json"),
        *("--seed", str(job.seed), "--freq", f"{job.clock_mhz:g}", "--timing-allow-fail"),
    ]


def _run(command: list[str], folder: Path, log: str) -> None:
    """Run a tool from the folder of this Python interpreter."""
    program = Path(sys.executable).parent / command[0]
    with (folder / log).open("w") as output:
        done = subprocess.run(
            [str(program), *command[1:]], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    if done.returncode:
        lines = (folder / log).read_text().splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines[-LOG_TAIL:]
        raise BuildFailed(f"{command[0]} failed: {' '.join(errors)} (see {folder / log})")


def _timing(design: BoardDesign, nextpnr: dict) -> dict:
    fmax, unit = frequency(nextpnr), design.job.unit
    return {
        "fmax_mhz": round(fmax, 1),
        "timing_met": fmax >= design.clock_hz / 1e6,
        "peak_gmac_per_second": round(unit.rows * unit.columns * fmax / 1e3, 2),
        "critical_path": critical_path(nextpnr),
    }
