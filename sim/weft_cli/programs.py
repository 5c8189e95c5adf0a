"""Commands for programs of a core: assemble, disassemble, check and execute."""

import sys
import time
from pathlib import Path

import click
import numpy as np

from weft.core.core_config import CORES
from weft.isa.assembly import assemble as assembled
from weft.isa.assembly import disassemble as disassembled
from weft.isa.kind import REGIONS
from weft.isa.program import Program
from weft.isa.requirements import MAGIC
from weft_model.core.checker import check_program, faults
from weft_model.core.machine import execute as execute_program

from .console import console
from .paths import check_writable, shown

PROGRAM = click.argument("program", type=Path)
_MAGIC_BYTES = MAGIC.to_bytes(4, "little")


def read_program(path: Path) -> Program:
    """Return the program of a file, which has its bytes or its text.

    Raises
    ------
    ValueError
        With one sentence that begins with the path.
    OSError
        If the file cannot be read.
    """
    data = path.read_bytes()
    try:
        if data.startswith(_MAGIC_BYTES):
            return Program.decode(data)
        return assembled(data.decode())
    except UnicodeDecodeError:
        sentence = f"{path} is neither a program, which begins with WFTP, nor a text"
        raise ValueError(sentence) from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def region_file(directory: Path, number: int) -> Path:
    """Return the path of a region of the memory."""
    return directory / f"region{number}.bin"


def read_memory(program: Program, directory: Path) -> list[np.ndarray]:
    """Return the regions of the memory from files; a region without a file is filled with zeros.

    Raises
    ------
    ValueError
        If a file has fewer bytes than the program needs.
    OSError
        If a file cannot be read.
    """
    if not directory.is_dir():
        raise ValueError(f"{directory} is not a folder: name the one of region0.bin to region7.bin")
    memory = []
    for number in range(REGIONS):
        path, size = region_file(directory, number), program.requirements.regions[number]
        data = path.read_bytes() if path.exists() else bytes(size)
        if len(data) < size:
            raise ValueError(f"{path} must have at least {size:,} bytes, not {len(data):,}")
        memory.append(np.frombuffer(data, np.uint8).copy())
    return memory


def write_memory(memory: list[np.ndarray], regions: tuple[int, ...], directory: Path) -> None:
    """Write some regions of the memory to files."""
    for number in regions:
        path = region_file(directory, number)
        path.write_bytes(memory[number].tobytes())
        print(f"{shown(path)}: {len(memory[number]):,} bytes")


def described(path: Path, program: Program, data: bytes) -> str:
    """Return the sizes of a program, after its path."""
    return f"{shown(path)}: {len(program.instructions):,} instructions, {len(data):,} bytes"


@click.command()
@click.argument("text", type=Path)
@PROGRAM
def assemble(text, program) -> None:
    """Translate the text of a program, the file TEXT, to its bytes, the file PROGRAM."""
    check_writable(program)
    found = read_program(text)
    data = found.encode()
    program.write_bytes(data)
    print(described(program, found, data))


@click.command()
@PROGRAM
def disassemble(program) -> None:
    """Print the text of a program."""
    print(disassembled(read_program(program)), end="")


@click.command()
@PROGRAM
def check(program) -> None:
    """Check that a program cannot block, race or reach what it may not.

    PROGRAM is a file with the bytes or the text of a program; docs/program_checker.md has the
    rules.
    """
    found = read_program(program)
    started = time.perf_counter()
    wrong = faults(found)
    for sentence in wrong:
        print(sentence)
    if wrong:
        sys.exit(1)
    cores = [name for name, core in CORES.items() if not core.lacks(found.requirements)]
    print(f"{described(program, found, found.encode())}, accepted")
    print(
        f"checked in {time.perf_counter() - started:.2f} s; fits {', '.join(cores) or 'no named'}"
    )


@click.command()
@PROGRAM
@click.argument("memory", type=Path)
def execute(program, memory) -> None:
    """Check a program, and execute it in numpy.

    MEMORY is a folder. Its files region0.bin to region7.bin are the memory of the program; a region
    without a file is filled with zeros. At the end, those that the program may write are written.
    """
    from .console import progress_bar

    found = read_program(program)
    check_program(found)
    regions = read_memory(found, memory)
    with progress_bar(f"executing {shown(program)}") as (_, step):
        execute_program(found, regions, step)
    write_memory(regions, found.requirements.writable, memory)


@click.command()
@PROGRAM
@click.argument("memory", type=Path)
@click.option("--core", type=click.Choice(list(CORES)), help="[default: the first that suffices]")
@click.option("--json", type=Path, metavar="FILE", help="Also write a timeline for Perfetto.")
@click.option("--waves", type=Path, metavar="FILE", help="Also write the waves, a VCD file.")
def trace(program, memory, core, json, waves) -> None:
    """Run a program on the RTL of a core, and print when each instruction started and finished.

    MEMORY is a folder, as for `weft execute`. The memory is compared with that of the machine in
    numpy, and the regions that the program may write are written.
    """
    from weft.emit.files import write_whole
    from weft_sim.core_simulator import CoreSimulator
    from weft_sim.core_trace import chrome_trace, spans_of, trace_lines

    from .console import progress_bar
    from .core_digits import memory_of
    from .core_layers import layers_of
    from .core_report import layer_table, unit_table
    from .durations import core_build

    for path in (json, waves):
        if path is not None:
            check_writable(path)
    found = read_program(program)
    check_program(found)
    name = core or _core_for(found)
    config = CORES[name]
    lacking = config.lacks(found.requirements)
    if lacking:
        raise ValueError(f"the core {name} cannot run {shown(program)}: {lacking[0]}")
    regions = read_memory(found, memory)
    expected = [region.copy() for region in regions]
    execute_program(found, expected)
    total = len(found.instructions) - 1
    with progress_bar(f"running {shown(program)} on {name}", core_build(config)) as (build, step):
        simulator = CoreSimulator(config, waves=waves is not None, building=build)
        result = simulator.run(
            found,
            regions,
            timing=memory_of(config),
            trace=waves,
            progress=lambda finished: step(finished, total),
        )
    if result.sentence:
        raise RuntimeError(f"the program ended with an error: {result.sentence}")
    spans = spans_of(found, result.starts, result.finishes)
    for line in trace_lines(spans):
        print(line)
    begin = min((span.start for span in spans), default=0)
    console.print(layer_table(layers_of(spans, begin=begin, end=result.cycles)))
    console.print(unit_table(result))
    print(f"{result.cycles:,} cycles on the core {name}")
    if json is not None:
        write_whole(json, chrome_trace(spans))
        print(f"{shown(json)}: timeline, for ui.perfetto.dev or chrome://tracing")
    write_memory(regions, found.requirements.writable, memory)
    if not all(map(np.array_equal, regions, expected)):
        raise RuntimeError("the memory differs from that of the machine in numpy")
    print("the memory equals that of the machine in numpy")


def _core_for(program: Program) -> str:
    """Return the name of the first core that can run a program."""
    for name, core in CORES.items():
        if not core.lacks(program.requirements):
            return name
    lacking = "; ".join(
        f"{name}: {core.lacks(program.requirements)[0]}" for name, core in CORES.items()
    )
    raise ValueError(f"no named core can run the program: {lacking}")


@click.command("digits-program")
@click.argument("core", type=click.Choice(list(CORES)))
@click.argument("directory", type=Path)
def digits_program(core, directory) -> None:
    """Write the digits network as one program, check it, and execute it in numpy.

    CORE is the core that it is for. DIRECTORY gets the program, digits.program, and its memory.
    """
    from . import digits
    from .digits_memory import digits_memory, scores_in
    from .digits_program import digits_program as generated

    path = directory / "digits.program"
    check_writable(path)
    network = digits.load()
    images, labels = digits.held_out()
    program = generated(CORES[core], network, len(images))
    check_program(program)
    data = program.encode()
    path.write_bytes(data)
    print(described(path, program, data))
    memory = digits_memory(network, images)
    write_memory(memory, program.requirements.readable, directory)
    execute_program(program, memory)
    write_memory(memory, program.requirements.writable, directory)
    scores = scores_in(memory, network)
    (expected,) = network.forward([images])
    print(
        f"{digits.accuracy(scores, labels):.2%} of {len(images)} held-out digits classified "
        "correctly by the program in numpy"
    )
    if not np.array_equal(scores, expected):
        raise RuntimeError("the scores differ from those of the integer network")
    print("all scores equal those of the integer network")
