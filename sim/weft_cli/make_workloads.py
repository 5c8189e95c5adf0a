"""Write the topology files of `weft_model/workloads`: `python -m weft_cli.make_workloads`.

ResNet-50 is read from the light model of the ONNX package: the graph without its weights.
BERT-base is Devlin et al. 2019: 12 layers, hidden size 768, 12 heads, here at sequence length 128.

The six applications of TPU v1 are reconstructed from Table 1 of Jouppi et al., ISCA 2017. For each
application the table gives the layers, the weights and the operations per weight byte, but no
shapes. Operations per weight byte are the rows that use each weight, which is M (the 2888 of CNN0
are its batch of 8 times 19 x 19). All layers of an application are assumed equal and square, with
the weights of the table in total; those of LSTM1 are 600 high, the size that section 7 of the paper
mentions. Such average layers do not show the effect of layers of small depth that the paper
describes, most of all for CNN1.
"""

import math
from pathlib import Path

from weft_model.layers import WORKLOADS, whole_windows

# Name: (layers with weights, weights, operations per weight byte).
TPU_V1 = {
    "mlp0": (5, 20_000_000, 200),
    "mlp1": (4, 5_000_000, 168),
    "lstm0": (24, 52_000_000, 64),
    "lstm1": (37, 34_000_000, 96),
    "cnn0": (16, 8_000_000, 2888),
    "cnn1": (76, 100_000_000, 1750),
}
LSTM1_WIDTH = 600


def tpu_v1(name: str) -> str:
    """Return one of the six applications, as equal layers."""
    count, weights, m = TPU_V1[name]
    k = LSTM1_WIDTH if name == "lstm1" else round(math.sqrt(weights / count))
    if name == "cnn0":
        # 3 x 3 filters over as many channels as filters.
        channels = round(math.sqrt(weights / count / 9))
        return _gemm((f"conv{i + 1}", m, channels, 9 * channels) for i in range(count))
    n = round(weights / count / k)
    return _gemm((f"layer{i + 1}", m, n, k) for i in range(count))


def bert_base(length: int = 128, hidden: int = 768, heads: int = 12, layers: int = 12) -> str:
    """Return the matrix products of BERT-base."""
    head = hidden // heads
    products = []
    for i in range(layers):
        name = f"encoder{i}"
        products += [(f"{name}.{what}", length, hidden, hidden) for what in ("q", "k", "v")]
        products += [(f"{name}.scores{h}", length, length, head) for h in range(heads)]
        products += [(f"{name}.context{h}", length, head, length) for h in range(heads)]
        products += [
            (f"{name}.output", length, hidden, hidden),
            (f"{name}.feed_forward1", length, 4 * hidden, hidden),
            (f"{name}.feed_forward2", length, hidden, 4 * hidden),
        ]
    return _gemm([*products, ("pooler", 1, hidden, hidden)])


def resnet50() -> str:
    """Return the convolutions and the last matrix of ONNX's light ResNet-50, for one image."""
    import onnx

    path = Path(onnx.__file__).parent / "backend/test/data/light/light_resnet50.onnx"
    model = onnx.shape_inference.infer_shapes(onnx.load(path))
    graph = model.graph
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.value_info, *graph.output]
    }
    lines = [
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, "
        "Num Filter, Stride Height, Stride Width,"
    ]
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Conv":
            _, channels, height, width = shapes[node.input[0]]
            filters, _, filter_height, filter_width = shapes[node.input[1]]
            top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
            strides = attributes.get("strides", [1, 1])
            height = _covered(height + top + bottom, filter_height, strides[0])
            width = _covered(width + left + right, filter_width, strides[1])
            numbers = (height, width, filter_height, filter_width, channels, filters, *strides)
            name = node.input[1].removeprefix("gpu_0/").removesuffix("_w_0")
        elif node.op_type == "Gemm":
            filters, channels = shapes[node.input[1]]
            name, numbers = "fc", (1, 1, 1, 1, channels, filters, 1, 1)
        else:
            continue
        lines.append(", ".join(map(str, (name, *numbers))) + ",")
    return "\n".join(lines) + "\n"


def _covered(size: int, window: int, stride: int) -> int:
    """Return the size that the windows cover, for which both ways of rounding agree."""
    return (whole_windows(size=size, window=window, stride=stride) - 1) * stride + window


def _gemm(products) -> str:
    lines = ["Layer, M, N, K,"]
    lines += [", ".join(map(str, product)) + "," for product in products]
    return "\n".join(lines) + "\n"


def all_workloads() -> dict[str, str]:
    """Return the text of each file by name."""
    texts = {f"tpu_v1_{name}.csv": tpu_v1(name) for name in TPU_V1}
    return {**texts, "resnet50.csv": resnet50(), "bert_base_128.csv": bert_base()}


def main() -> None:
    for name, text in all_workloads().items():
        (WORKLOADS / name).write_text(text)
        print(WORKLOADS / name)


if __name__ == "__main__":
    main()
