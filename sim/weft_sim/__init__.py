"""Everything that runs the matrix unit: reference, schedule, cycle model, simulators, waves."""

from .matrix_unit_simulator import MatrixUnitSimulator
from .reference import matmul
from .schedule import Schedule
from .timing import predict

__all__ = ["MatrixUnitSimulator", "Schedule", "matmul", "predict"]
