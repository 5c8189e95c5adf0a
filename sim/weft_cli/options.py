"""Options that several commands have."""

import functools

import click
from click.core import ParameterSource

from weft.checks import check
from weft_model.layers import NETWORKS, read_network, scale_sim_windows, whole_windows

SEED = click.IntRange(min=0)
# The placers hold their seed in an int of C++.
PLACEMENT_SEED = click.IntRange(0, (1 << 31) - 1)
COUNT = click.IntRange(min=1)

simulator_option = click.option(
    "--simulator", default="verilator", show_default=True, help="verilator, icarus or cxxrtl."
)


def takes_network(default: str | None = None):
    """Give a command the options of a topology file; its content becomes `network`."""

    def decorate(command):
        @click.option(
            "--layers",
            "given",
            metavar="FILE",
            default=default,
            show_default=True,
            help=f"Topology file, or a network that is part of Weft: {', '.join(NETWORKS)}.",
        )
        @click.option(
            "--scale-sim-rounding",
            is_flag=True,
            help="Round the output sizes of convolutions up, as SCALE-Sim does.  [default: down]",
        )
        @functools.wraps(command)
        def with_network(given, scale_sim_rounding, **arguments):
            windows = scale_sim_windows if scale_sim_rounding else whole_windows
            return command(network=read_network(given, windows), **arguments)

        return with_network

    return decorate


def given_options() -> set[str]:
    """Return the names of the options of this command that were given."""
    context = click.get_current_context()
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {name for name in context.params if context.get_parameter_source(name) not in default}


def refuse_others(done: str, options: set[str]) -> None:
    """Refuse options that a core does not have."""
    others = sorted(given_options() - options)
    listed = ", ".join(f"--{name.replace('_', '-')}" for name in others)
    check(not others, f"a core is {done} without the options of a matrix unit, such as {listed}")
