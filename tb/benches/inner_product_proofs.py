"""Proof that an array whose cells add up a pair of rows computes inner products."""

from pathlib import Path

from benches.runner import whole_yosys
from weft.emit.verilog import make_design
from weft.matrix.config import MatrixUnitConfig

# Two rows and two columns; every two cycles a tile is loaded, and it stays for two rows.
PROOF = """
module proof(
  input clk, input {activation} [{a}:0] a0, a1, input {weight} [{w}:0] left, right, output good
);
  (* keep *) reg second = 0;
  always @(posedge clk) second <= ~second;

  // The tile that is being loaded, row 1 first, and the tile in use.
  reg {weight} [{w}:0] left1, right1, left0, right0, use_left0, use_left1, use_right0, use_right1;
  reg [{w}:0] late_right;
  always @(posedge clk) begin
    late_right <= right;
    if (second) begin
      left0 <= left; right0 <= right;
    end else begin
      left1 <= left; right1 <= right;
    end
  end
  wire {weight} [{w}:0] l0 = second ? use_left0 : left0, l1 = second ? use_left1 : left1;
  wire {weight} [{w}:0] r0 = second ? use_right0 : right0, r1 = second ? use_right1 : right1;
  always @(posedge clk) begin
    use_left0 <= l0; use_left1 <= l1; use_right0 <= r0; use_right1 <= r1;
  end

  // The expected sums, delayed by the latency.
  wire signed [{s}:0] x0 = a0, x1 = a1, y0 = l0, y1 = l1, z0 = r0, z1 = r1;
  wire [{s}:0] left_sum = x0 * y0 + x1 * y1, right_sum = x0 * z0 + x1 * z1;
  reg [{s}:0] expected_left [0:{latency}], expected_right [0:{latency}];
  integer i;
  always @(posedge clk) begin
    expected_left[0] <= left_sum; expected_right[0] <= right_sum;
    for (i = 1; i <= {latency}; i = i + 1) begin
      expected_left[i] <= expected_left[i - 1]; expected_right[i] <= expected_right[i - 1];
    end
  end

  wire [{s}:0] got_left, got_right;
  array array(
    .clk(clk), .activations_in({{a1, a0}}), .switches_in(~second), .loads_in({{second, 1'b1}}),
    .weights_in({{late_right, left}}), .sums_out({{got_right, got_left}})
  );
  assign good = got_left == expected_left[{latency} - 1] && got_right == expected_right[{latency}];
endmodule
"""


def prove_inner_product(config: MatrixUnitConfig, directory: Path) -> None:
    """Prove the sums of an array of 2 x 2 for all operands.

    The load of a tile and the rows that use it are unrolled, with every number symbolic. So the
    sums hold from any state of the registers, and for all tiles and rows before and after.
    """
    array = config.array
    verilog = make_design("array", array.component, **array.parameters).verilog
    latency = config.multiplication.latency_of(config.arithmetic, rows=config.rows)
    harness = PROOF.format(
        activation="signed" if config.arithmetic.activation.signed else "",
        weight="signed" if config.arithmetic.weight.signed else "",
        a=config.arithmetic.activation.width - 1,
        w=config.arithmetic.weight.width - 1,
        s=config.arithmetic.sum_width - 1,
        latency=latency,
    )
    path = directory / "proof.v"
    path.write_text(verilog + harness)
    # The row of cycle 2 is the first one that uses a tile loaded since the start. Its sum is on the
    # left after the latency, and on the right one cycle later.
    skipped = 2 + latency + 1
    whole_yosys(
        f"read_verilog {path}",
        "hierarchy -top proof",
        "proc; flatten; memory_map; opt_clean",
        "setattr -unset init w:* w:second %d",
        f"sat -verify -seq {skipped + 2} -prove good 1 -prove-skip {skipped} proof",
    )
