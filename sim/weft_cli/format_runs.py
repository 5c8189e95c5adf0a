"""The command `weft sim-formats`: a product of every number format on arrays of several sizes."""

from weft.array.inner_product import INNER_PRODUCTS
from weft.checks import check
from weft.matrix.config import MatrixUnitConfig
from weft_model.operands import draw_products
from weft_sim.checked_run import CheckedResult, run
from weft_sim.toolchain import build_root

from .console import console, progress_bar
from .durations import simulation_build

# Parameters of the units, by what the report calls them.
UNITS: dict[str, dict] = {
    **{name: {"activation": name, "weight": name} for name in ("int4", "int8", "uint8", "int16")},
    "int4, packed": {"activation": "int4", "weight": "int4", "inner_product": "packed"},
    "int8, fast": {"inner_product": "fast"},
    "int8 and uint8": {"activation": "int8,uint8", "weight": "int8,uint8"},
    "int8 and uint8, zero points": {
        "activation": "int8,uint8",
        "weight": "int8,uint8",
        "zero_points": True,
    },
    "int8 by int16, cells of 8 bits": {"weight": "int16", "cell_width": 8},
    "int16 by int8, cells of 8 bits": {"activation": "int16", "cell_width": 8},
    "int16, cells of 8 bits": {"activation": "int16", "weight": "int16", "cell_width": 8},
    **{
        name: {"activation": name, "weight": name, "accumulator_width": 0}
        for name in (
            *("float8_e4m3fn", "float8_e5m2", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"),
            "bfloat16",
        )
    },
    "float8_e4m3fn by float8_e5m2": {
        "activation": "float8_e4m3fn",
        "weight": "float8_e5m2",
        "accumulator_width": 0,
    },
    "bfloat16, results as well": {
        "activation": "bfloat16",
        "weight": "bfloat16",
        "accumulator_width": 0,
        "result": "bfloat16",
    },
}


def sizes_of(text: str) -> list[tuple[int, int]]:
    """Return the sizes of arrays in a text such as 1x1,3x5.

    Raises
    ------
    ValueError
        If the text has another form.
    """
    pairs = [size.strip().split("x") for size in text.split(",")]
    right = all(len(pair) == 2 and all(side.isdecimal() for side in pair) for pair in pairs)
    check(right, f"sizes must look like 1x1,3x5, not {text!r}")
    return [(int(rows), int(columns)) for rows, columns in pairs]


def run_formats(sizes: list[tuple[int, int]], float_model: bool, seed: int) -> bool:
    """Run a product in every format on every size; return whether all are right.

    Raises
    ------
    ValueError
        If there is no array of a size.
    """
    units = [(what, _unit(what, rows, columns)) for rows, columns in sizes for what in UNITS]
    right = 0
    for index, (what, config) in enumerate(units, 1):
        array = f"{config.rows} x {config.columns}, {what}"
        title = f"{index} of {len(units)}: {array}"
        result = _run(title, config, float_model and config.chained, seed)
        difference = _difference(result)
        right += not difference
        state = f"[red]{difference}[/red]" if difference else "right"
        console.print(f"{array}: {result.cycles:,} cycles, {state}", highlight=False)
    console.print(
        f"{right} of {len(units)} units: every element equals numpy bit for bit, and the cycles "
        f"equal the cycle model; seed {seed}"
    )
    return right == len(units)


def _unit(what: str, rows: int, columns: int) -> MatrixUnitConfig:
    """Return a unit; an inner product of two rows at a time gets an even number of them."""
    options = UNITS[what]
    rows += -rows % INNER_PRODUCTS[options.get("inner_product", "plain")].tile_rows
    return MatrixUnitConfig(rows=rows, columns=columns, **options)


def _run(title: str, config: MatrixUnitConfig, modelled: bool, seed: int) -> CheckedResult:
    """Run products of several tiles, of which the last is not full in either direction."""
    m, k, n = config.rows + config.columns + 1, 2 * config.rows + 1, 2 * config.columns + 1
    with progress_bar(title, simulation_build(config)) as (building, step):
        return run(
            config,
            draw_products(config, m, k, n, seed=seed),
            directory=build_root() / "sim" / "formats",
            float_model=modelled,
            building=building,
            progress=step,
        )


def _difference(result: CheckedResult) -> str:
    """Return how a result differs from numpy or the cycle model, or ""."""
    if result.mismatches:
        return f"{result.mismatches} elements differ from numpy"
    if result.errors:
        return f"the unit reports {result.errors}"
    if result.cycles != result.predicted_cycles:
        return f"the cycle model predicts {result.predicted_cycles:,}"
    return ""
