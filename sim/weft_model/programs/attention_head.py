"""Heads of attention: softmax(Q K^T) V, in int8."""

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
    heads : int
        All have the same scales.
    query, key, value, scores, output : Quantization
    """

    tokens: int
    depth: int
    query: Quantization
    key: Quantization
    value: Quantization
    scores: Quantization
    output: Quantization
    heads: int = 1

    @classmethod
    def random(
        cls, source: np.random.Generator, *, tokens: int, depth: int, heads: int = 1
    ) -> "AttentionHead":
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
        return cls(tokens=tokens, depth=depth, heads=heads, **scales)

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return query, key and value, int8 of `shape` each."""
        return tuple(random_numbers(source, self.shape) for _ in NAMES)

    @property
    def shape(self) -> tuple[int, ...]:
        """(tokens, depth), or (heads, tokens, depth) if there are several heads."""
        one = self.tokens, self.depth
        return one if self.heads == 1 else (self.heads, *one)

    def expected(
        self, query: np.ndarray, key: np.ndarray, value: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """Return the output in numpy, int8 of `shape`."""
        scores, mix = self.products()
        heads = (x.reshape(self.heads, self.tokens, self.depth) for x in (query, key, value))
        mixed = [
            mix.matrices(Softmax.of(self.scores)(scores.matrices(q, k.T)), v)
            for q, k, v in zip(*heads, strict=True)
        ]
        return (np.stack(mixed).reshape(self.shape),)

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return the attention as a program of a core.

        Raises
        ------
        ValueError
            If the buffer has no rows for the scores of one token.
        """
        return _Program(self, ProgramBuilder(core)).built()

    def products(self) -> tuple[Product, Product]:
        """Return the product of queries and keys, and that of weights and values."""
        return (
            Product.of(self.query, self.key, self.scores),
            Product.of(OUTPUT, self.value, self.output),
        )


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Buffer rows, by slot: of the operands of a head, and of what a chunk of queries gives."""

    tokens: int
    keys: list[int]
    values: list[int]
    queries: list[int]
    scores: list[int]
    mixed: list[int]


class _Program:
    """The program of some heads, whose queries pass in chunks.

    VECTOR has the most to do. So that it never waits, the scores of a chunk are computed, and their
    softmax, before the values are mixed by the weights of the chunk before.
    """

    def __init__(self, attention: AttentionHead, builder: ProgramBuilder):
        self.attention, self.builder = attention, builder
        shape = attention.shape
        self.inputs = [builder.array(INPUTS, shape) for _ in NAMES]
        self.output = builder.array(OUTPUTS, shape)
        self.slots = min(2, attention.heads)
        self.depth_blocks = builder.blocks(attention.depth)
        self.places = self._placed()

    def built(self) -> BuiltProgram:
        tokens, heads = self.attention.tokens, self.attention.heads
        jobs = [
            (head, first) for head in range(heads) for first in range(0, tokens, self.places.tokens)
        ]
        for number, job in enumerate(jobs[:2]):
            self._load_queries(number, *job)
            if number < self.slots:
                self._load(number)
        for number in range(len(jobs) + 1):
            self.builder.tag = number + 1
            if number < len(jobs):
                self._score(number, *jobs[number])
            if number + 2 < len(jobs):
                self._load_queries(number + 2, *jobs[number + 2])
            if number:
                head, first = jobs[number - 1]
                self._mix(number - 1, head, first)
                if first + self.places.tokens >= tokens and head + self.slots < heads:
                    self._load(head + self.slots)
        return self.builder.finish()

    def _placed(self) -> _Places:
        """Return places for as many queries at a time as the core has room for.

        What MATRIX and VECTOR read at the same time is in different banks, if these are large
        enough.
        """
        builder, attention = self.builder, self.attention
        blocks = builder.blocks(attention.tokens)
        most = min(builder.needs.row_scalars // 2, most_pixels(builder), attention.tokens)
        sizes = dict.fromkeys(
            -(-attention.tokens // -(-attention.tokens // n)) for n in range(most, 0, -1)
        )
        operand, free = attention.tokens * self.depth_blocks, builder.needs.buffer_rows
        operands = [operand] * self.slots

        def groups(size: int) -> list[list[int]]:
            queries, scores = size * self.depth_blocks, size * blocks
            return [[*operands, queries]] * 2 + [[scores, queries]] * 2

        bank = free // builder.core.buffer.banks
        whole = [n for n in sizes if max(map(sum, groups(n))) <= bank]
        banks = builder.core.buffer.banks >= 4 and bool(whole) and whole[0] >= builder.lanes
        fitting = whole if banks else [n for n in sizes if sum(map(sum, groups(n))) <= free]
        least = sum(map(sum, groups(1)))
        check(
            bool(fitting),
            f"attention to {attention.tokens} tokens needs a buffer of at least {least:,} rows, "
            f"not {free:,}",
        )
        size, rows, next_row = fitting[0], [], 0
        for number, group in enumerate(groups(size)):
            next_row = number * bank if banks else next_row
            rows.append([next_row + sum(group[:n]) for n in range(len(group))])
            next_row += sum(group)
        return _Places(
            tokens=size,
            keys=rows[0][:-1],
            values=rows[1][:-1],
            queries=[one[1] for one in rows[2:]],
            scores=[one[0] for one in rows[2:]],
            mixed=[one[-1] for one in rows[:2]],
        )

    def _operand(self, slots: list[int], head: int) -> Tensor:
        row = slots[head % self.slots]
        return Tensor(row=row, width=self.attention.tokens, channels=self.attention.depth)

    def _load(self, head: int) -> None:
        """Load the keys and the values of a head."""
        for slots, place in zip(
            (self.places.keys, self.places.values), self.inputs[1:], strict=True
        ):
            self._operand(slots, head).move(self.builder, Opcode.LOAD, place, line=head)

    def _queries(self, number: int, first: int) -> Tensor:
        width, row = self._width(first), self.places.queries[number % 2]
        return Tensor(row=row, width=width, channels=self.attention.depth)

    def _load_queries(self, number: int, head: int, first: int) -> None:
        queries = self._queries(number, first)
        queries.move(self.builder, Opcode.LOAD, self.inputs[0], line=head, pixel=first)

    def _width(self, first: int) -> int:
        """Return how many tokens the chunk has that begins with one."""
        return min(self.places.tokens, self.attention.tokens - first)

    def _scores(self, number: int, first: int) -> Tensor:
        width, row = self._width(first), self.places.scores[number % 2]
        return Tensor(row=row, width=width, channels=self.attention.tokens)

    def _score(self, number: int, head: int, first: int) -> None:
        """Compute the softmax of the scores of a chunk."""
        scores, keys = self._scores(number, first), self._operand(self.places.keys, head)
        operands = {"x": self._queries(number, first), "y": keys, "output": scores}
        product, _ = self.attention.products()
        multiply_tensors(self.builder, product, **operands, transpose=True, maxima=True)
        softmax(self.builder, Softmax.of(self.attention.scores), scores)

    def _mix(self, number: int, head: int, first: int) -> None:
        """Mix the values by the weights of a chunk, and store the result."""
        weights, attention = self._scores(number, first), self.attention
        row = self.places.mixed[number % 2]
        mixed = Tensor(row=row, width=weights.width, channels=attention.depth)
        _, product = attention.products()
        multiply_tensors(
            self.builder,
            product,
            x=weights,
            y=self._operand(self.places.values, head),
            output=mixed,
        )
        mixed.move(self.builder, Opcode.STORE, self.output, line=head, pixel=first)
