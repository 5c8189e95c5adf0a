"""Layers and their cycles: topology files read, closed form against the schedule itself."""

import io
import json
import os
import random

import pytest

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_cli import cli
from weft_cli.make_workloads import TPU_V1, all_workloads
from weft_model.cycle_model import predict
from weft_model.layer_cycles import layer_row, total_row, write_csv
from weft_model.layers import WORKLOADS, Layer, read_layers
from weft_model.schedule import Schedule


def test_closed_form_equals_the_walk_over_the_tiles():
    """The sums over the stays of a schedule, tile by tile, for shapes of every kind."""
    source = random.Random(os.environ["SEED"])
    for _ in range(3000):
        config = MatrixUnitConfig(
            rows=source.randint(1, 12),
            columns=source.randint(1, 6),
            accumulator_depth=source.randint(1, 20),
        )
        sizes = source.randint(1, 90), source.randint(1, 60), source.randint(1, 20)
        schedule = Schedule(config, *sizes)
        stays, height = schedule.stays(), config.rows
        prediction = predict(config, [schedule])
        switches = height + sum(max(stay, height) for stay in stays[:-1])
        exposed = height - 1 + sum(max(0, height - stay) for stay in stays[:-1])
        latency = MatrixUnitTiming.of(config).latency
        assert prediction.cycles == switches + stays[-1] - 1 + latency, sizes
        assert prediction.counters["computing"] == sum(stays)
        assert prediction.counters["loading_weights"] == exposed, sizes


def topology(tmp_path, text):
    path = tmp_path / "layers.csv"
    path.write_text(text)
    return path


def test_gemm_file(tmp_path):
    path = topology(tmp_path, "Layer, M, N, K,\nfc1, 10, 20, 30,\n\n fc2,1,2,3\n")
    assert read_layers(path) == [Layer("fc1", 10, 30, 20), Layer("fc2", 1, 3, 2)]


def test_convolution_file(tmp_path):
    """SCALE-Sim's own example lines, one or two strides; depthwise layers channel by channel."""
    head = (
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
        "Num Filter, Strides,\n"
    )
    text = head + "Conv1, 224, 224, 11, 11, 3, 96, 4,\nConv2, 31, 33, 5, 3, 96, 256, 1, 2,\n"
    text += "DP1, 10, 10, 3, 3, 8, 1, 1,\n"
    # (224 - 11 + 4) / 4 = 54.25, which SCALE-Sim rounds up.
    assert read_layers(topology(tmp_path, text)) == [
        Layer("Conv1", 55 * 55, 363, 96),
        Layer("Conv2", 27 * 16, 1440, 256),
        Layer("DP1", 64, 9, 1, count=8),
    ]


BAD = {
    "": r"is empty: write a head, `Layer, M, N, K`",
    "Name, A, B\nx, 1, 2\n": r"line 1: the head must be .* not 'Name, A, B'",
    "Layer, M, N, K\n": r"has a head but no layers: write a line a layer below it",
    "Layer, M, N, K\na," + 200_000 * "1": r"is not a topology file: field larger than",
    "Layer, M, N, K\na, 1, 2\n": r"line 2: 3 numbers must follow the name \(m, n, k\), not 2",
    "Layer, M, N, K\na, 1, 2, 3\nb, 1, x, 3\n": r"line 3: n must be an integer .* not 'x'",
    "Layer, M, N, K\na, 1, 0, 3\n": r"line 2: n must be an integer of at least 1, not '0'",
    "Layer, M, N, K\na, 1, -2, 3\n": r"line 2: n must be an integer of at least 1, not '-2'",
    "Layer, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
    "Strides\na, 2, 9, 3, 3, 1, 1, 1\n": r"line 2: the filter, 3 x 3, is larger than the input, 2",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_bad_files_are_refused_by_line(text, tmp_path):
    with pytest.raises(ValueError, match=BAD[text]):
        read_layers(topology(tmp_path, text))


def test_networks_are_what_their_script_makes():
    texts = all_workloads()
    assert set(texts) == {path.name for path in WORKLOADS.glob("*.csv")}
    for name, text in texts.items():
        assert (WORKLOADS / name).read_text() == text, name


@pytest.mark.parametrize("name", TPU_V1)
def test_tpu_v1_applications_have_the_weights_of_the_table(name):
    count, weights, m = TPU_V1[name]
    layers = read_layers(WORKLOADS / f"tpu_v1_{name}.csv")
    assert len(layers) == count
    assert {layer.m for layer in layers} == {m}
    assert abs(sum(layer.k * layer.n for layer in layers) / weights - 1) < 0.003


def test_resnet50_has_the_size_that_everyone_knows():
    layers = read_layers(WORKLOADS / "resnet50.csv")
    assert len(layers) == 54
    assert sum(layer.k * layer.n for layer in layers) == 25_502_912
    assert layers[0] == Layer("conv1", 112 * 112, 147, 64)


def test_rows_add_up():
    config = MatrixUnitConfig(rows=16, columns=8)
    rows = [layer_row(config, layer) for layer in (Layer("a", 5, 40, 9), Layer("b", 64, 9, 1, 8))]
    for row in rows:
        assert row["cycles"] == row["computing"] + row["loading_weights"] + row["idle"]
        assert row["lower_bound_cycles"] <= row["cycles"]
    once = layer_row(config, Layer("b", 64, 9, 1))
    assert rows[1]["cycles"] == 8 * once["cycles"]
    assert rows[1]["macs"] == 8 * 64 * 9
    total = total_row(config, rows)
    assert total["cycles"] == rows[0]["cycles"] + rows[1]["cycles"]
    # 3 K tiles and 2 N tiles, by hand.
    assert rows[0]["without_overlap_cycles"] == 6 * (2 * 16 + 8 + 5 - 2)


def run_cli(capsys, *arguments) -> str:
    cli.app(["cycles", *map(str, arguments)], standalone_mode=False)
    return capsys.readouterr().out


def test_command_writes_csv_and_json(tmp_path, capsys):
    path = topology(tmp_path, "Layer, M, N, K\nfc1, 10, 20, 30\n")
    out = run_cli(capsys, "--layers", path, "--rows", 4, "--columns", 4)
    row = layer_row(MatrixUnitConfig(rows=4, columns=4), Layer("fc1", 10, 30, 20))
    expected = io.StringIO()
    write_csv(expected, [row])
    assert out == expected.getvalue()
    report = tmp_path / "report.json"
    arguments = ("--rows", 4, "--columns", 4, "--format", "json", "--output", report)
    assert "1 layers" in run_cli(capsys, "--layers", path, *arguments)
    read = json.loads(report.read_text())
    assert read["layers"] == [row]
    assert read["total"]["cycles"] == row["cycles"]


def test_many_layers_stay_cheap():
    """No walk over tiles: the cycles of a huge product come at once."""
    config = MatrixUnitConfig(rows=1, columns=1, accumulator_depth=4096)
    row = layer_row(config, Layer("huge", 10**12, 10**6, 10**6))
    assert row["computing"] == 10**24
