"""An LSTM cell in int8, of LiteRT's operators: FULLY_CONNECTED, LOGISTIC, TANH, MUL and ADD."""

from dataclasses import dataclass

import numpy as np

from weft.core.core_config import CoreConfig
from weft.isa.codes import Opcode

from .passes import add, multiply
from .products import connected
from .program_builder import INPUTS, OUTPUTS, STATE, BuiltProgram, ProgramBuilder
from .quantized_layer import QuantizedLayer, random_layer, random_numbers
from .requantization import LEAST
from .scales import Quantization
from .tensor import Tensor
from .tensor_operations import Addition, Product, lookup_table, sigmoid, tanh

# LiteRT fixes the quantization of these functions.
SIGMOID = Quantization(1 / 256, LEAST)
TANH = Quantization(1 / 128)
GATES = ("input", "forget", "output", "candidate")
# Products of gates: that with the cell state, and that with the candidate.
KEPT, ADDED = Quantization(1 / 20, 3), Quantization(1 / 128, -2)


@dataclass(frozen=True, kw_only=True, eq=False)
class LstmCell:
    """One step of an LSTM for some sequences.

    x and h have the same quantization, so that they can be concatenated.

    Parameters
    ----------
    batch : int
        Sequences.
    inputs, units : int
        Lengths of x and of h.
    gates : dict of str to QuantizedLayer
        Weights (inputs + units, units) of each of GATES.
    cell : Quantization
        Of c.
    """

    batch: int
    inputs: int
    units: int
    gates: dict[str, QuantizedLayer]
    cell: Quantization

    @classmethod
    def random(
        cls, source: np.random.Generator, *, batch: int, inputs: int, units: int
    ) -> "LstmCell":
        """Return a cell with random weights and scales."""
        sums = Quantization(source.uniform(0.02, 0.06), int(source.integers(-10, 11)))
        shape = inputs + units, units
        gates = {name: random_layer(source, shape, TANH, output=sums) for name in GATES}
        cell = Quantization(source.uniform(0.02, 0.06), int(source.integers(-10, 11)))
        return cls(batch=batch, inputs=inputs, units=units, gates=gates, cell=cell)

    def random_inputs(self, source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Return x of one step, int8 (batch, inputs)."""
        return (random_numbers(source, (self.batch, self.inputs)),)

    def initial_state(self) -> tuple[np.ndarray, np.ndarray]:
        """Return h and c that stand for 0, int8 (batch, units)."""
        shape = self.batch, self.units
        return np.zeros(shape, np.int8), np.full(shape, self.cell.zero_point, np.int8)

    def expected(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the next h in numpy."""
        return self.step(x, h, c)[:1]

    def step(self, x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the next h and c in numpy."""
        both = np.concatenate([x, h], axis=1)[np.newaxis, np.newaxis]
        i, f, o, g = (
            _looked_up(self._table(name), self.gates[name].fully_connected()(both)[0, 0])
            for name in GATES
        )
        kept, added, addition, hidden = self._operations()
        c = addition(kept.elements(f, c), added.elements(i, g))
        return hidden.elements(o, _looked_up(self._cell_table(), c)), c

    def program(self, core: CoreConfig) -> BuiltProgram:
        """Return one step as a program of a core.

        h and c are in a region that keeps them for the next step. The output is the next h.
        """
        builder = ProgramBuilder(core)
        x = Tensor.new(builder, width=self.batch, channels=self.inputs)
        h, c = (Tensor.new(builder, width=self.batch, channels=self.units) for _ in range(2))
        shape = self.batch, self.units
        hidden_place, cell_place = (builder.array(STATE, shape) for _ in range(2))
        x.move(builder, Opcode.LOAD, builder.array(INPUTS, (self.batch, self.inputs)))
        h.move(builder, Opcode.LOAD, hidden_place)
        c.move(builder, Opcode.LOAD, cell_place)
        i, f, o, g = (
            connected(
                builder,
                self.gates[name].fully_connected(),
                (x, h),
                output_table=self._table(name),
            )
            for name in GATES
        )
        kept, added, addition, hidden = self._operations()
        builder.tag += 1
        multiply(builder, kept, x=f, y=c, output=f)
        multiply(builder, added, x=i, y=g, output=i)
        add(builder, addition, x=f, y=i, output=c)
        multiply(builder, hidden, x=o, y=c, output=h, y_table=self._cell_table())
        c.move(builder, Opcode.STORE, cell_place)
        h.move(builder, Opcode.STORE, hidden_place)
        h.move(builder, Opcode.STORE, builder.array(OUTPUTS, shape))
        return builder.finish()

    def _operations(self) -> tuple[Product, Product, Addition, Product]:
        """Return the operations after the gates: f * c, i * g, their sum, and o * tanh(c)."""
        return (
            Product.of(SIGMOID, self.cell, KEPT),
            Product.of(SIGMOID, TANH, ADDED),
            Addition.of(KEPT, ADDED, self.cell),
            Product.of(SIGMOID, TANH, TANH),
        )

    def _table(self, gate: str) -> np.ndarray:
        """Return the function of a gate."""
        sums = self.gates[gate].output
        if gate == "candidate":
            return lookup_table(tanh, sums, TANH)
        return lookup_table(sigmoid, sums, SIGMOID)

    def _cell_table(self) -> np.ndarray:
        return lookup_table(tanh, self.cell, TANH)


def _looked_up(table: np.ndarray, x: np.ndarray) -> np.ndarray:
    return table[x.astype(np.int64) - LEAST].astype(np.int8)
