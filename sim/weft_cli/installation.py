"""What the command line reports about this installation: its version, compiler and cache."""

import shlex
import shutil

import click

from weft.version import __version__
from weft_sim import toolchain


def _print_version(context: click.Context, option: click.Parameter, given: bool) -> None:
    if not given or context.resilient_parsing:
        return
    try:
        name = toolchain.cxx().name
    except RuntimeError as refusal:
        name = f"none. {refusal}"
    print(f"weft {__version__}")
    print(f"compiler of simulations: {name}")
    context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Print the version, and the compiler of simulations.",
)


@click.command()
def compiler() -> None:
    """Check the C++ compiler that builds simulations; CXX chooses another one.

    The first use of Zig's compiler builds its C++ library, which takes about a minute.
    """
    toolchain.cache_folder("builds")
    chosen = toolchain.cxx()
    print(f"checking {chosen.name}: {shlex.join(chosen.command)}", flush=True)
    chosen.check()
    print("it works")


@click.command()
@click.option("--clear", is_flag=True, help="Remove all builds, and Zig's library.")
def cache(clear) -> None:
    """Show the folder of the cached builds, their number and their size.

    The Verilog and the simulation of each unit are built once, in a folder that all checkouts of a
    user share. If the builds exceed 5 GB, the least recently used are removed. The C++ library of
    Zig's compiler is in the folder `zig` beside them.
    """
    from weft_sim import cache as builds

    if clear:
        builds.evict(limit=0, unused_seconds=0)
        shutil.rmtree(toolchain.cache_root() / toolchain.ZIG_CACHE, ignore_errors=True)
    sizes = [size for _, size, _ in builds.contents()]
    print(f"{builds.folder()}: {len(sizes):,} builds, {sum(sizes) / 1e6:,.1f} MB")
