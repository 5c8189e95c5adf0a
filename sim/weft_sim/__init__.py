"""Everything that runs the matrix unit: reference, schedule, cycle model, simulators, waves."""

from .reference import matmul
from .schedule import Schedule
from .timing import predict

__all__ = ["Schedule", "matmul", "predict"]
