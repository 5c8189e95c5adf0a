"""The command that writes a block of a network as a program."""

from pathlib import Path

import click
import numpy as np

from weft.core.core_config import CORES
from weft_model.core.checker import check_program
from weft_model.core.machine import execute
from weft_model.programs.blocks import BLOCKS

from .paths import check_writable
from .programs import described, write_memory


@click.command("block-program")
@click.argument("block", type=click.Choice(list(BLOCKS)))
@click.argument("core", type=click.Choice(list(CORES)))
@click.argument("directory", type=Path)
def block_program(block, core, directory) -> None:
    """Write a block of a network as a program, check it, and execute it in numpy.

    BLOCK has random weights and inputs, the same in every run. CORE is the core that it is for.
    DIRECTORY gets the program and its memory.
    """
    path = directory / f"{block}.program"
    check_writable(path)
    source = np.random.default_rng(1)
    network = BLOCKS[block](source, CORES[core].lanes)
    built = network.program(CORES[core])
    program = built.program
    check_program(program)
    data = program.encode()
    path.write_bytes(data)
    print(described(path, program, data))
    print(", ".join(f"{count} {name}" for name, count in built.counts().items()))
    inputs = network.random_inputs(source)
    memory = built.memory(*inputs)
    state = [place.read(memory) for place in built.state]
    write_memory(memory, program.requirements.readable, directory)
    execute(program, memory)
    write_memory(memory, program.requirements.writable, directory)
    expected = network.expected(*inputs, *state)
    for found, wanted in zip(built.results(memory), expected, strict=True):
        if not np.array_equal(found, wanted):
            raise RuntimeError("the outputs differ from those of the block in numpy")
    print(f"all {sum(map(np.size, expected)):,} outputs equal those of the block in numpy")
