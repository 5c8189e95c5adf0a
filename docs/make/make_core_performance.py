"""Write the measured parts of core_performance.md: `make bench-core-docs`."""

import make_performance
import measured
from make_performance import machine, result
from markdown_table import table
from tables import DOCS

PAGE = DOCS / "core_performance.md"


def figures(name: str) -> str:
    """The figures of a benchmark, beside their goals."""
    rows = [
        (one["figure"], f"{one['measured']:,}", one["goal"], one["state"])
        for one in result(f"core_{name}")["rows"]
    ]
    return table(("Figure", "Measured", "Goal", "State"), rows)


def layers(name: str) -> str:
    """The layers of a benchmark."""
    rows = [
        (
            one["layer"],
            one["count"],
            f"{one['cycles']:,}",
            f"{one['of_bound']:.1%}",
            f"{one['array_active']:.1%}",
            f"{one['checking']:.1%}",
            f"{one['vector']:.1%}",
            f"{one['instructions']:,}",
        )
        for one in result(f"core_{name}_layers")["rows"]
    ]
    heads = (
        *("Layer", "Count", "Cycles", "Of bound", "Array active", "Checking", "VECTOR"),
        "Instructions",
    )
    return table(heads, rows)


PARTS = {
    "core_machine": lambda: machine("core_speed"),
    "core_convolution": lambda: figures("convolution"),
    "core_resnet": lambda: figures("resnet"),
    "core_resnet_layers": lambda: layers("resnet"),
    "core_attention": lambda: figures("attention"),
    "core_applications": lambda: figures("applications"),
    "core_applications_layers": lambda: layers("applications"),
    "core_speed": lambda: figures("speed"),
}


def part(name: str) -> str | None:
    """The text of a part, or None; see make_performance."""
    return make_performance.part(name, PARTS)


def main() -> None:
    measured.rewrite(PAGE, part)
    print(PAGE)


if __name__ == "__main__":
    main()
