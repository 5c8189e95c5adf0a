"""Everything that runs the matrix unit: reference, schedule, cycle model, simulators, waves."""

from weft_model.cycle_model import predict
from weft_model.reference import matmul
from weft_model.schedule import Schedule

from .matrix_unit_simulator import MatrixUnitSimulator

__all__ = ["MatrixUnitSimulator", "Schedule", "matmul", "predict"]
