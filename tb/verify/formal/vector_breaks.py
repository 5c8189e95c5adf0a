"""Broken copies for the proofs of the vector unit."""

from .breaks import Break

SCALE_BREAKS = (
    Break("vector/scale", "Mux(none, 0, self.shift)", "self.shift", "none"),
    Break("vector/scale", "Mux(none, 1, self.multiplier)", "self.multiplier", "none"),
    Break("vector/scale", "self.shift >= width", "self.shift > width", "double"),
    Break("vector/scale", "Mux(self.x[-1], -1, 1)", "1", "double"),
    Break("vector/scale", "shifter.to_even.eq(f32)", "shifter.to_even.eq(0)", "f32"),
    Break("vector/scale", "shifter.to_even.eq(f32)", "shifter.to_even.eq(1)", "up"),
    Break("vector/scale", '"x_significand", self.x, f32', '"x_significand", self.x, 0', "f32"),
    Break("vector/scale", "total[:low].as_signed(), f32", "total[:low].as_signed(), 0", "f32"),
    Break("vector/significand", "~(dropped >> 1)", "~(dropped >> 2)", "f32"),
    Break("vector/significand", "half & tie.replicate(len(dropped))", "0", "f32"),
    Break("vector/significand", "Mux(self.round, found, 0)", "found", "up"),
    Break("vector/wide_product", "inner << half", "inner << half + 1", "up"),
    Break("vector/wide_product", "+ self.nudge", "", "double"),
    Break("vector/rounding_shift", "moving.far | high.any()", "moving.far", "up"),
    Break("vector/rounding_shift", "moving.rest | lost", "moving.rest", "f32"),
    Break("vector/rounding_shift", "moving.rest | number[1]", "moving.rest", "f32"),
    Break("vector/rounding_shift", "Mux(moving.sign, -limit, limit)", "limit", "double"),
)
