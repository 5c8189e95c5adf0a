"""Fixtures of the benches, and the seed: SEED, or a random one for each session."""

import os
import re
import secrets
import signal

import pytest

from benches.runner import chosen_simulators, needs_icarus, needs_simulators, run
from weft_sim import toolchain

# Names that the option -k of pytest takes as one word.
PLAIN_NAME = r"[\w:+\-.\[\]/]+"


def pytest_configure(config):
    """Choose the seed before the workers of a parallel run start, and handle Ctrl-C even in a
    background job."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Tests with a cache of their own would build Zig's C++ library again.
    os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(toolchain.zig_cache()))
    # Each simulation starts a Python, which would compile all of its modules again.
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.environ["PYTHONPYCACHEPREFIX"] = str(toolchain.build_root() / "bytecode")
    if not os.environ.get("SEED"):
        os.environ["SEED"] = str(secrets.randbelow(1 << 31))


def pytest_sessionstart(session):
    """Refuse a machine that cannot run benches; print the seed, which a quiet pytest omits."""
    if hasattr(session.config, "workerinput"):
        return
    try:
        toolchain.require(chosen_simulators()[0])
    except (toolchain.ToolMissing, ValueError) as refusal:
        raise pytest.UsageError(str(refusal)) from None
    if reporter := session.config.pluginmanager.get_plugin("terminalreporter"):
        reporter.write_line(f"seed {os.environ['SEED']}")
        session.config.pluginmanager.register(FailureLines(reporter))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the command that replays the test to every failure."""
    report = yield
    if report.failed:
        report.sections.append(("replay with", replay_command(item.nodeid)))
    return report


class FailureLines:
    """Print a line for each failure when it happens; the reports of all workers pass here."""

    def __init__(self, reporter):
        self.reporter = reporter

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if report.failed:
            replay = replay_command(report.nodeid)
            self.reporter.write(f"\nFAILED {report.nodeid}; replay with: {replay}\n", red=True)


def replay_command(test: str) -> str:
    """Return the command that runs a test again, with all parameters if a name is not plain."""
    name = test.partition("::")[2]
    name = name if re.fullmatch(PLAIN_NAME, name) else name.partition("[")[0]
    return f'make test SEED={os.environ["SEED"]} TEST="{name}"'


def pytest_terminal_summary(terminalreporter):
    """Print the paths of the traces."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "trace" and report.when == "call":
                    terminalreporter.write_line(f"trace of {report.nodeid}: {value}")


@pytest.fixture(params=chosen_simulators())
def simulator(request) -> str:
    """Return each simulator, or the one that SIM names; skip it if it is not installed."""
    if request.param == "icarus":
        needs_icarus()
    elif request.param == "cxxrtl":
        needs_simulators("cxxrtl")
    return request.param


@pytest.fixture
def simulate(request, simulator):
    """Return `simulate(coroutines, component, **parameters)`, which runs them on its Verilog.

    For `family` and `synthesized` see `benches.runner.run`.
    """

    def simulate(coroutines, component, /, **options):
        test = re.sub(r"[^\w.+-]+", "-", request.node.nodeid.removeprefix("tb/")).strip("-")
        directory = toolchain.build_root() / "tests" / test
        where = {"simulator": simulator, "directory": directory}
        trace = run(coroutines, component, **where, **options)
        if trace:
            request.node.user_properties.append(("trace", str(trace)))

    return simulate
