"""onnxruntime as a judge: layers of weft_model.programs as QLinearConv and QLinearMatMul."""

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

from weft_model.programs.quantized_layer import QuantizedLayer
from weft_model.programs.scales import Quantization

# Version of the operators, and of the format of a model.
OPSET, FORMAT = 21, 10


def convolve(layer: QuantizedLayer, x: np.ndarray) -> np.ndarray:
    """Return int8 (images, height, width, outputs) for int8 (images, height, width, channels)."""
    depthwise = layer.weights.ndim == 3
    weights = layer.weights[..., np.newaxis, :] if depthwise else layer.weights
    (top, bottom), (left, right) = layer.padding
    constants = {
        **_quantization("x", layer.source),
        "weights": np.ascontiguousarray(weights.transpose(3, 2, 0, 1)),
        "weights_scale": layer.weight_scales.astype(np.float32),
        "weights_zero_point": np.zeros(weights.shape[3], np.int8),
        **_quantization("y", layer.output),
        "bias": layer.bias,
    }
    y = _run(
        "QLinearConv",
        x.transpose(0, 3, 1, 2),
        constants,
        group=layer.weights.shape[2] if depthwise else 1,
        pads=[top, left, bottom, right],
        strides=[layer.stride, layer.stride],
    )
    return np.maximum(y, layer.output.zero_point if layer.relu else -128).transpose(0, 2, 3, 1)


def multiply(layer: QuantizedLayer, x: np.ndarray) -> np.ndarray:
    """Return int8 (rows, outputs) for int8 (rows, inputs); the operator has no bias."""
    constants = {
        **_quantization("x", layer.source),
        "weights": layer.weights,
        "weights_scale": layer.weight_scales.astype(np.float32),
        "weights_zero_point": np.zeros(layer.weights.shape[1], np.int8),
        **_quantization("y", layer.output),
    }
    return _run("QLinearMatMul", x, constants)


def _quantization(name: str, quantization: Quantization) -> dict[str, np.ndarray]:
    return {
        f"{name}_scale": np.array(quantization.scale, np.float32),
        f"{name}_zero_point": np.array(quantization.zero_point, np.int8),
    }


def _run(operator: str, x: np.ndarray, constants: dict[str, np.ndarray], **attributes):
    """Run a graph of one operator, whose inputs are x and the constants, in this order."""
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *constants], ["y"], **attributes)],
        operator,
        [helper.make_tensor_value_info("x", TensorProto.INT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT8, [None] * x.ndim)],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = FORMAT
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(["y"], {"x": np.ascontiguousarray(x)})[0]
