"""LiteRT as a judge: quantized graphs, built without TensorFlow, and run by kernels of choice.

The Python package of LiteRT has the schema of its models, of which this module makes the bytes.
"""

from collections.abc import Sequence
from enum import Enum

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from weft_model.programs.scales import Quantization

SCHEMA_VERSION = 3
_TYPES = {np.dtype(np.int8): schema.TensorType.INT8, np.dtype(np.int32): schema.TensorType.INT32}
# Name of an operator in the schema: version with int8, and table of its options.
_OPERATORS = {
    "CONV_2D": (3, "Conv2DOptions"),
    "DEPTHWISE_CONV_2D": (3, "DepthwiseConv2DOptions"),
    "FULLY_CONNECTED": (4, "FullyConnectedOptions"),
    "ADD": (2, "AddOptions"),
    "MUL": (2, "MulOptions"),
    "CONCATENATION": (2, "ConcatenationOptions"),
    "BATCH_MATMUL": (2, "BatchMatMulOptions"),
    "SOFTMAX": (2, "SoftmaxOptions"),
    "LOGISTIC": (2, None),
    "TANH": (2, None),
}


class Kernels(Enum):
    """Implementations of the operators in LiteRT."""

    REFERENCE = OpResolverType.BUILTIN_REF
    OPTIMIZED = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    XNNPACK = OpResolverType.BUILTIN


class Graph:
    """A graph of one subgraph, built operator by operator; tensors are their numbers."""

    def __init__(self):
        self._model = schema.ModelT(
            version=SCHEMA_VERSION, operatorCodes=[], buffers=[schema.BufferT()]
        )
        self._graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
        self._model.subgraphs = [self._graph]

    def input(self, shape: Sequence[int], quantization: Quantization) -> int:
        """Add an int8 input."""
        number = self._tensor(shape, schema.TensorType.INT8, quantization)
        self._graph.inputs.append(number)
        return number

    def constant(self, values: np.ndarray, scales: np.ndarray | float, *, axis: int = 0) -> int:
        """Add a constant with zero point 0, and one scale or one for each entry of an axis."""
        data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(schema.BufferT(data=data))
        number = self._tensor(values.shape, _TYPES[values.dtype], None)
        tensor = self._graph.tensors[number]
        tensor.buffer = len(self._model.buffers) - 1
        tensor.quantization = schema.QuantizationParametersT(
            scale=np.atleast_1d(np.float32(scales)),
            zeroPoint=np.zeros(np.size(scales), np.int64),
            quantizedDimension=axis,
        )
        return number

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        quantization: Quantization,
        **options,
    ) -> int:
        """Add an operator with an int8 output, and return that tensor."""
        version, table = _OPERATORS[name]
        code = getattr(schema.BuiltinOperator, name)
        self._model.operatorCodes.append(
            schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code, version=version)
        )
        output = self._tensor(shape, schema.TensorType.INT8, quantization)
        operator = schema.OperatorT(
            opcodeIndex=len(self._model.operatorCodes) - 1, inputs=list(inputs), outputs=[output]
        )
        if table is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, f"{table}T")(**options)
        self._graph.operators.append(operator)
        return output

    def output(self, tensor: int) -> None:
        """Make a tensor an output; outputs have the order of these calls."""
        self._graph.outputs.append(tensor)

    def run(self, kernels: Kernels, *inputs: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for inputs in the order in which they were added."""
        builder = flatbuffers.Builder()
        builder.Finish(self._model.Pack(builder), b"TFL3")
        interpreter = Interpreter(
            model_content=bytes(builder.Output()),
            experimental_op_resolver_type=kernels.value,
            num_threads=1,
        )
        interpreter.allocate_tensors()
        for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], values)
        interpreter.invoke()
        return [
            interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()
        ]

    def _tensor(self, shape: Sequence[int], kind: int, quantization: Quantization | None) -> int:
        tensor = schema.TensorT(
            shape=list(shape), type=kind, name=f"tensor {len(self._graph.tensors)}", hasRank=True
        )
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT(
                scale=np.array([quantization.scale], np.float32),
                zeroPoint=np.array([quantization.zero_point], np.int64),
            )
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
