"""Layers: topology files, and cycles in closed form compared with the schedule"""

import csv
import io
import itertools
import json
import math
import os
import random

import pytest

from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_cli import cli
from weft_cli.make_workloads import TPU_V1, all_workloads
from weft_model.cycle_model import predict
from weft_model.layer_cycles import layer_row, total_row, write_csv
from weft_model.layers import (
    NETWORKS,
    WORKLOADS,
    Layer,
    Network,
    read_layers,
    read_network,
    scale_sim_windows,
    whole_windows,
)
from weft_model.schedule import Schedule


def test_closed_form_equals_the_walk_over_the_tiles():
    """For shapes of every kind, the sums equal those of the schedule, tile by tile."""
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


HEADING = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter"


def topology(tmp_path, text):
    path = tmp_path / "layers.csv"
    path.write_text(text)
    return path


def convolution(tmp_path, line, heading="Strides", **windows):
    """Return the only layer of a file of convolutions."""
    path = topology(tmp_path, f"{HEADING}, {heading},\n{line},\n")
    (layer,) = read_layers(path, **windows)
    return layer


def test_gemm_file(tmp_path):
    path = topology(tmp_path, "Layer, M, N, K,\nfc1, 10, 20, 30,\n\n fc2,1,2,3\n")
    assert read_layers(path) == [Layer("fc1", 10, 30, 20), Layer("fc2", 1, 3, 2)]
    path = topology(tmp_path, "K, Batch, Layer, N, M\n30, 4, fc1, 20, 10\n")
    assert read_layers(path) == [Layer("fc1", 40, 30, 20)]


def test_a_convolution_is_a_product(tmp_path):
    """There is one row per output pixel and one column per filter, and K = F F C."""
    line = "Conv2, 31, 33, 5, 3, 96, 256"
    assert convolution(tmp_path, f"{line}, 1") == Layer("Conv2", 27 * 31, 1440, 256)
    assert convolution(tmp_path, f"{line}, 2") == Layer("Conv2", 14 * 16, 1440, 256)
    strides = convolution(tmp_path, f"{line}, 2, 1", "Stride Width, Stride Height")
    assert strides == Layer("Conv2", 27 * 16, 1440, 256)


def test_batch_size_multiplies_m(tmp_path):
    for heading in ("Strides, Batch Size", "Strides, Batch"):
        layer = convolution(tmp_path, "c, 8, 8, 1, 1, 16, 16, 1, 4", heading)
        assert layer == Layer("c", 256, 16, 16)


def test_padding_is_on_all_four_sides(tmp_path):
    layer = convolution(tmp_path, "c, 8, 8, 3, 3, 16, 16, 1, 2", "Strides, Padding")
    assert layer == Layer("c", 100, 144, 16)


def test_a_depthwise_layer_is_a_product_for_each_channel(tmp_path):
    assert convolution(tmp_path, "DP1, 10, 10, 3, 3, 8, 2, 1") == Layer("DP1", 64, 9, 2, count=8)
    layer = convolution(tmp_path, "aDPb, 10, 10, 3, 3, 8, 1, 1, 5", "Strides, Batch")
    assert layer == Layer("aDPb", 320, 9, 1, count=8)
    assert convolution(tmp_path, "dp1, 10, 10, 3, 3, 8, 1, 1").count == 1


def test_rounding(tmp_path):
    """Sizes are rounded down like a convolution, or up by the formula of SCALE-Sim."""
    line = "c, 8, 8, 3, 3, 1, 1, 9"
    assert convolution(tmp_path, line).m == 1
    assert convolution(tmp_path, line, windows=scale_sim_windows).m == 4
    for size, window, stride in itertools.product(range(1, 12), range(1, 12), range(1, 14)):
        if window <= size:
            sizes = {"size": size, "window": window, "stride": stride}
            outputs = [x for x in range(0, size, stride) if x + window <= size]
            assert whole_windows(**sizes) == len(outputs), sizes
            assert scale_sim_windows(**sizes) == math.ceil((size - window + stride) / stride)


@pytest.mark.parametrize("name", NETWORKS)
def test_rounding_makes_no_difference_to_the_networks(name):
    """So their results can be compared with those of SCALE-Sim."""
    assert read_network(name) == read_network(name, scale_sim_windows)


def test_a_filter_must_fit_into_the_padded_input(tmp_path):
    sentence = "line 2: the filter, 3 x 7, is larger than the input, 4 x 6 with its padding"
    with pytest.raises(ValueError, match=sentence):
        convolution(tmp_path, "c, 2, 4, 3, 7, 1, 1, 1, 1", "Strides, Padding")
    fits = convolution(tmp_path, "c, 2, 4, 3, 7, 1, 1, 1, 2", "Strides, Padding")
    assert fits == Layer("c", 4 * 2, 21, 1)
    with pytest.raises(ValueError, match="the filter, 3 x 3, is larger than the input, 2 x 9 "):
        convolution(tmp_path, "c, 2, 9, 3, 3, 1, 1, 1", windows=scale_sim_windows)


def test_networks_have_names(tmp_path, monkeypatch):
    """A name means a network that is part of Weft, unless there is a file with that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert_base_128").mkdir()
    for name in NETWORKS:
        network = read_network(name)
        assert (network.name, network.layers) == (name, read_layers(WORKLOADS / f"{name}.csv"))
    (tmp_path / "resnet50").write_text("Layer, M, N, K\nfc, 1, 2, 3\n")
    assert read_network("resnet50") == Network("resnet50", [Layer("fc", 1, 3, 2)])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, r"no layers: .* by --layers FILE \(LAYERS=FILE with make\)$"),
        ("", "no layers: "),
        ("resnet51", "there is no file resnet51: "),
        (".", r"\. is a folder: "),
    ],
)
def test_an_unknown_network_is_refused_with_the_list(given, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        read_network(given)
    assert f"name a topology file, or one of the networks {', '.join(NETWORKS)}" in str(
        caught.value
    )


def test_the_script_makes_exactly_the_networks():
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


def test_resnet50_has_its_published_size():
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


def test_names_are_quoted_in_csv():
    config = MatrixUnitConfig(rows=4, columns=4)
    out = io.StringIO()
    write_csv(out, [layer_row(config, Layer(name, 1, 2, 3)) for name in ('a, "b"', "é", "c")])
    rows = list(csv.DictReader(io.StringIO(out.getvalue()), strict=True))
    assert [row["layer"] for row in rows] == ['a, "b"', "é", "c"]
    assert all(row["macs"] == "6" for row in rows)


def test_the_command_rounds_as_requested(tmp_path, capsys):
    path = topology(tmp_path, f"{HEADING}, Strides\nc, 8, 8, 3, 3, 1, 1, 9\n")
    for arguments, m in (((), "1"), (("--scale-sim-rounding",), "4")):
        (row,) = csv.DictReader(io.StringIO(run_cli(capsys, "--layers", path, *arguments)))
        assert row["m"] == m


def test_the_command_knows_networks(capsys):
    rows = list(csv.DictReader(io.StringIO(run_cli(capsys, "--layers", "resnet50"))))
    assert len(rows) == 54 and rows[0]["layer"] == "conv1"


def test_many_layers_stay_cheap():
    """Cycles are computed without a loop over tiles, also for huge products."""
    config = MatrixUnitConfig(rows=1, columns=1, accumulator_depth=4096)
    row = layer_row(config, Layer("huge", 10**12, 10**6, 10**6))
    assert row["computing"] == 10**24
