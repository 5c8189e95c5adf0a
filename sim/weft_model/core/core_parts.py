"""CoreParts: the parts of a core that the cycles of several units depend on."""

from dataclasses import dataclass

from weft.core.core_config import CoreConfig

from .bank_timing import BankPort
from .data_path_timing import DataPathTiming
from .matrix_timing import MatrixTimes
from .stream_timing import ResultStream, TileStream
from .weights_timing import WeightsTimes


@dataclass(frozen=True, kw_only=True, eq=False)
class CoreParts:
    """The data path of a core, and the ports of its buffer for other units.

    Parameters
    ----------
    config : CoreConfig
    bank_rows : int
        Rows of a bank of the buffer.
    tiles : TileStream
    results : ResultStream
    matrix : MatrixTimes
    weights : WeightsTimes
    x, y, store : BankPort
        They read, with less priority than MATRIX and WEIGHTS, and in this order.
    vector, load : BankPort
        They write, in the order of their priority. Reads and writes do not wait for each other.
    """

    config: CoreConfig
    bank_rows: int
    tiles: TileStream
    results: ResultStream
    matrix: MatrixTimes
    weights: WeightsTimes
    x: BankPort
    y: BankPort
    store: BankPort
    vector: BankPort
    load: BankPort

    @classmethod
    def of(cls, config: CoreConfig) -> "CoreParts":
        """Return the parts of a core, before it has executed anything."""
        timing = DataPathTiming.of(config)
        bank_rows = config.buffer.rows // config.buffer.banks
        tiles, results = TileStream(timing), ResultStream(timing)
        matrix = MatrixTimes(tiles, results, bank_rows=bank_rows)
        weights = WeightsTimes(tiles, BankPort((matrix,)), bank_rows=bank_rows)
        matrix.weights = weights
        x = BankPort((matrix, weights.port.reads))
        y = BankPort((*x.rivals, x.reads))
        vector = BankPort()
        return cls(
            config=config,
            bank_rows=bank_rows,
            tiles=tiles,
            results=results,
            matrix=matrix,
            weights=weights,
            x=x,
            y=y,
            store=BankPort((*y.rivals, y.reads)),
            vector=vector,
            load=BankPort((vector.reads,)),
        )
