"""Lanes: an array of numbers side by side, without names of their own in waveforms."""

from amaranth.hdl import Format, Value
from amaranth.lib import data


class Lanes(data.ArrayLayout):
    """An ArrayLayout whose elements have no names in the Verilog.

    By default Amaranth names every element of a signal, for waveforms. At thousands of lanes, that
    takes much of the time of emission.
    """

    def format(self, value: data.View, format_spec: str) -> Format:
        """Return the format of the whole."""
        return Format(f"{{:{format_spec}}}", Value.cast(value))
