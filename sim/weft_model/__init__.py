"""Models in numpy: golden reference, schedule, cycle model, and layers of networks."""

from .cycle_model import lower_bound, predict
from .quantized import Quantized
from .reference import matmul
from .schedule import Schedule

__all__ = ["Quantized", "Schedule", "lower_bound", "matmul", "predict"]
