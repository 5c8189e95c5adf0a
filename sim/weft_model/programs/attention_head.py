"""One head of attention: softmax(Q K^T) V, in int8."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from weft.checks import check
from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode

from .buffer_products import multiply_tensors
from .passes import softmax
from .products import most_pixels
from .program_builder import INPUTS, OUTPUTS, BuiltProgram, ProgramBuilder
from .quantized_layer import DEVIATION, SPREAD, random_numbers, random_quantization
from .scales import Quantization
from .softmax import OUTPUT, Softmax
from .tensor import Tensor
from .tensor_operations import Product

NAMES = ("query", "key", "value")


@dataclass(frozen=True, kw_only=True)
class AttentionHead:
    """The attention of some tokens to each other; 1 / sqrt(depth) is part of the scale of scores.

    Parameters
    ----------
    tokens, depth : int
        Shape of query, key and value.
    query, key, value, scores, output : Quantization
    """

    tokens: int
    depth: int
    query: Quantization
    key: Quantization
    value: Quantization
    scores: Quantization
    output: Quantization

    @classmethod
    def random(cls, source: np.random.Generator, *, tokens: int, depth: int) -> "AttentionHead":
        """Return a head with random scales."""
        query, key, value = (random_quantization(source) for _ in NAMES)
        scores = Quantization(source.uniform(0.02, 0.1), int(source.integers(-20, 21)))
        # Random scores use most of int8.
        spread = np.hypot(DEVIATION, query.zero_point) * np.hypot(DEVIATION, key.zero_point)
        key_scale = scores.scale * SPREAD / (query.scale * spread * np.sqrt(depth))
        key = Quantization(key_scale, key.zero_point)
        # So do averages of values.
        value = Quantization(value.scale, int(source.integers(-20, 21)))
        output = Quantization(0.3 * value.scale, int(source.integers(-40, 41)))
        scales = {"query": query, "key": key, "value": value, "scores": scores, "output": output}
        return cls(tokens=tokens, depth=depth, **scales)

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return query, key and value, int8 (tokens, depth) each."""
        return tuple(random_numbers(source, (self.tokens, self.depth)) for _ in NAMES)

    def expected(
        self, query: np.ndarray, key: np.ndarray, value: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the output in numpy, int8 (tokens, depth)."""
        scores, mix = self._products()
        weights = Softmax.of(self.scores)(scores.matrices(query, key.T))
        return (mix.matrices(weights, value),)

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the head as a program of a core.

        Raises
        ------
        ValueError
            If the buffer has no rows for the scores of one token.
        """
        builder = ProgramBuilder(core)
        shape = self.tokens, self.depth
        matrix = {"width": self.tokens, "channels": self.depth}
        query, key, value, output = (Tensor.new(builder, **matrix) for _ in range(4))
        for tensor in (query, key, value):
            tensor.move(builder, Opcode.LOAD, builder.array(INPUTS, shape))
        pitch = builder.blocks(self.depth)
        scores, mix = self._products()
        for first, scored in self._chunks(builder):
            builder.tag += 1
            part = {"width": scored.width, "channels": self.depth}
            queries = Tensor(row=query.row + first * pitch, **part)
            mixed = Tensor(row=output.row + first * pitch, **part)
            keys = {"x": queries, "y": key, "output": scored}
            multiply_tensors(builder, scores, **keys, transpose=True, maxima=True)
            softmax(builder, Softmax.of(self.scores), scored)
            multiply_tensors(builder, mix, x=scored, y=value, output=mixed)
        output.move(builder, Opcode.STORE, builder.array(OUTPUTS, shape))
        return builder.finish()

    def _products(self) -> tuple[Product, Product]:
        return (
            Product.of(self.query, self.key, self.scores),
            Product.of(OUTPUT, self.value, self.output),
        )

    def _chunks(self, builder: ProgramBuilder) -> Iterator[tuple[int, Tensor]]:
        """Yield the first token of each chunk of rows, and the tensor of its scores.

        There are two such tensors in turn, so that the scores of a chunk are computed while those
        of the one before are used.
        """
        blocks = builder.blocks(self.tokens)
        most = min(
            builder.free_rows // (2 * blocks), builder.needs.row_scalars // 2, most_pixels(builder)
        )
        check(
            most > 0,
            f"the scores of a token need a buffer of at least {2 * blocks:,} more rows than the "
            f"operands, not {builder.free_rows:,}",
        )
        count = -(-self.tokens // most)
        size = -(-self.tokens // count)
        rows = [builder.rows(size * blocks) for _ in range(2)]
        for number, first in enumerate(range(0, self.tokens, size)):
            width = min(size, self.tokens - first)
            yield first, Tensor(row=rows[number % 2], width=width, channels=self.tokens)
