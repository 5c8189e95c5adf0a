"""Runs that hang: the driver omits the last rows of activations."""

from weft_sim.native_driver import Stimulus, StimulusBuffers
from weft_sim.stalls import Stalls

_whole = StimulusBuffers.stimulus


def without_last_rows(buffers: StimulusBuffers, stalls: Stalls | None) -> Stimulus:
    """Replace StimulusBuffers.stimulus: omit the last visit of every run."""
    stimulus = _whole(buffers, stalls)
    stimulus.visit_count -= 1
    return stimulus


def without_last_rows_if_stalled(buffers: StimulusBuffers, stalls: Stalls | None) -> Stimulus:
    """Replace StimulusBuffers.stimulus: omit the last visit of runs with stalls only."""
    return _whole(buffers, stalls) if stalls is None else without_last_rows(buffers, stalls)
