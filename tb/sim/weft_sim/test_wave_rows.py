"""Rows of a view: floats of every width are shown in decimal."""

import numpy as np

from benches.waves import ON_ICARUS, PERIOD, SEED, as_shown, check_signals, demo
from weft import MatrixUnitConfig
from weft_model.reference import matmul
from weft_sim import scopes, wave_groups, waves

CHAINED = MatrixUnitConfig(
    rows=3,
    columns=2,
    activation="bfloat16",  # type: ignore[arg-type]
    weight="bfloat16",  # type: ignore[arg-type]
)
FLOATS = MatrixUnitConfig(
    rows=2,
    columns=5,
    activation="float8_e4m3fn",  # type: ignore[arg-type]
    weight="float6_e3m2fn",  # type: ignore[arg-type]
)


@ON_ICARUS
def test_floats_are_shown_in_decimal(simulator):
    """The rows of the ports name the format, and show each operand as its value."""
    check_signals(FLOATS, simulator)
    views, trace = demo(FLOATS, simulator)
    a, b = (operand.astype(float) for operand in waves.demo_operands(FLOATS, SEED))
    rows = {row.name: row for group in wave_groups.groups(FLOATS) for row in group.rows}
    for stream, name, lanes in (
        ("activations", "activations r{} (float8_e4m3fn)", [a[:, :2].T, a[:, 2:].T]),
        ("weights", "weights c{} (float6_e3m2fn)", [b[1::-1].T, b[3:1:-1].T]),
    ):
        valid, ready = (f"s_axis_{stream}_t{end}" for end in ("valid", "ready"))
        times = [t for t in trace.cycles if trace.value(valid, t) and trace.value(ready, t)]
        for lane, expected in enumerate(np.concatenate(lanes, axis=1)):
            shown = [as_shown(trace, rows[name.format(lane)], time) for time in times]
            assert [float(text) for text in shown] == expected.tolist()
    used = {path.stem for path in views.translations}
    assert {"weft_float8_e4m3fn", "weft_float6_e3m2fn"} < used
    assert "weft_float4_e2m1fn" not in used


@ON_ICARUS
def test_bfloat16_is_shown_in_decimal(simulator):
    """Operands at the ports and in the cells, sums and results; the views have all their values."""
    check_signals(CHAINED, simulator)
    views, trace = demo(CHAINED, simulator)
    a, b = waves.demo_operands(CHAINED, SEED)
    rows = {row.name: row for group in wave_groups.groups(CHAINED) for row in group.rows}
    valid = [time for time in trace.cycles if trace.value("m_axis_results_tvalid", time) == 1]
    shown = [[as_shown(trace, rows[f"results c{c}"], time) for c in range(2)] for time in valid]
    expected = matmul(CHAINED, a, b)
    assert [[float(text) for text in row] for row in shown] == expected.tolist()
    cell = scopes.cells(CHAINED)[2, 1]
    height = CHAINED.arithmetic.row_latency
    for tile, start in enumerate(views.switches):
        time = start + (2 * height + 1 + 1) * PERIOD
        weight = next(row for row in rows.values() if row.path == f"{cell}.weight")
        assert float(as_shown(trace, weight, time)) == float(b[3 * tile + 2, 1])
    texts = {path.stem: path.read_text() for path in views.translations}
    stem = views.trace.stem
    wide = [f"weft_{name}_{stem}" for name in ("bfloat16", "normalized_bfloat16", "float32")]
    assert {*wide} < texts.keys()
    for name, values in ((wide[0], a), (wide[2], expected)):
        known = {line.split(" ", 1)[1] for line in texts[name].splitlines()}
        assert {f"{value:.9g}" for value in values.ravel().astype(float)} <= known
