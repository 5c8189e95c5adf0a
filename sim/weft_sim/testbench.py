"""Write a self-checking testbench in plain Verilog for an emitted unit.

The file contains the stimulus and the expected results, and needs only a simulator. The testbench
multiplies matrices of two tiles in each dimension, pauses every stream, and compares each number
with the result of numpy.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from weft.core.axi_matrix_unit import port_documentation
from weft.emit.files import write_whole
from weft.emit.names import TESTBENCH
from weft.matrix.config import MatrixUnitConfig
from weft.matrix.timing import MatrixUnitTiming
from weft_model.cycle_model import predict
from weft_model.operands import draw_products
from weft_model.quantized import Matrix
from weft_model.reference import matmul
from weft_model.schedule import Schedule

from .beats import beats, lanes_to_numbers

PRODUCT_ROWS = 12
# The cycle limit, in multiples of the cycles without pauses. Pauses cost a factor of 2 to 3.
PATIENCE = 20

# Verilator reads a comment that begins with "verilator" as a directive, hence the $.
HEADER = """\
// {bench}: a self-checking testbench of {top} in Verilog-2001.
//
// It computes Z[{m}, {n}] = A[{m}, {k}] . B[{k}, {n}], two tiles in each dimension, with random
// pauses on every stream, and compares each number with the result of numpy.
//
// With Icarus Verilog:
//   $ iverilog -g2001 -o {bench}.vvp {bench}.v {top}.v && vvp -N {bench}.vvp
// With Verilator 5:
//   $ verilator --binary --timing {bench}.v {top}.v && obj_dir/V{bench}
//
// If all numbers agree, it prints PASS and exits with code 0. Otherwise it prints FAIL and the
// first difference, and exits with another code: $stop makes vvp -N exit with 1, and aborts the
// program that Verilator builds.
"""

BODY = """
  // Transfers are {tlast, tdata}, or {tlast, tuser, tdata} on ports that have tuser.
  reg [WEIGHT_BITS:0] weights [0:WEIGHTS-1];
  reg [ACTIVATION_BITS+USER_BITS:0] activations [0:ACTIVATIONS-1];
  reg [RESULT_BITS:0] expected [0:RESULTS-1];

  reg aclk, aresetn;
  reg s_axis_weights_tvalid, s_axis_weights_tlast;
  reg [WEIGHT_BITS-1:0] s_axis_weights;
  reg s_axis_activations_tvalid, s_axis_activations_tlast;
  reg [USER_BITS-1:0] s_axis_activations_tuser;
  reg [ACTIVATION_BITS-1:0] s_axis_activations_tdata;
  reg m_axis_results_tready;
  wire s_axis_weights_tready, s_axis_activations_tready;
  wire m_axis_results_tvalid, m_axis_results_tlast;
  wire [RESULT_BITS-1:0] m_axis_results_tdata;
  wire [ERROR_BITS-1:0] error_status;

  integer cycle, weight, activation, result, quiet, lane;
  reg [31:0] noise;
  reg [RESULT_BITS:0] wanted;
  reg failed;

  initial begin
    aclk = 0;
    aresetn = 0;
    s_axis_weights_tvalid = 0;
    s_axis_activations_tvalid = 0;
    m_axis_results_tready = 0;
    cycle = 0;
    weight = 0;
    activation = 0;
    result = 0;
    quiet = 0;
    noise = SEED;
    failed = 0;
  end

  always #5 aclk = ~aclk;

  always @(posedge aclk) begin
    cycle <= cycle + 1;
    aresetn <= cycle >= 2;
    noise <= noise * 32'd1664525 + 32'd1013904223;
  end

  // tvalid and the payload hold until the transfer; tvalid does not wait for tready.
  always @(posedge aclk)
    if (aresetn && (!s_axis_weights_tvalid || s_axis_weights_tready)) begin
      s_axis_weights_tvalid <= 0;
      if (weight < WEIGHTS && noise[31:30] != 0) begin
        {s_axis_weights_tlast, s_axis_weights} <= weights[weight];
        s_axis_weights_tvalid <= 1;
        weight <= weight + 1;
      end
    end

  always @(posedge aclk)
    if (aresetn && (!s_axis_activations_tvalid || s_axis_activations_tready)) begin
      s_axis_activations_tvalid <= 0;
      if (activation < ACTIVATIONS && noise[28:27] != 0) begin
        {s_axis_activations_tlast, s_axis_activations_tuser, s_axis_activations_tdata}
          <= activations[activation];
        s_axis_activations_tvalid <= 1;
        activation <= activation + 1;
      end
    end

  always @(posedge aclk) m_axis_results_tready <= noise[25];

  always @(posedge aclk)
    if (aresetn && !failed) begin
      if (m_axis_results_tvalid && m_axis_results_tready && result == RESULTS) begin
        $display("FAIL: more than %0d results", RESULTS);
        failed = 1;
      end else if (m_axis_results_tvalid && m_axis_results_tready) begin
        wanted = expected[result];
        for (lane = 0; lane < LANES; lane = lane + 1)
          if (!failed && m_axis_results_tdata[lane*LANE_BITS +: LANE_BITS]
              !== wanted[lane*LANE_BITS +: LANE_BITS]) begin
            $display("FAIL: row %0d of Z, lane %0d, which is column %0d: got %0d, expected %0d",
              result % PRODUCT_ROWS, lane, result / PRODUCT_ROWS * LANES + lane,
              $signed(m_axis_results_tdata[lane*LANE_BITS +: LANE_BITS]),
              $signed(wanted[lane*LANE_BITS +: LANE_BITS]));
            failed = 1;
          end
        if (!failed && m_axis_results_tlast !== wanted[RESULT_BITS]) begin
          $display("FAIL: row %0d of Z, tlast: got %b, expected %b",
            result % PRODUCT_ROWS, m_axis_results_tlast, wanted[RESULT_BITS]);
          failed = 1;
        end
        result = result + 1;
      end
      if (result == RESULTS) quiet = quiet + 1;
      if (!failed && quiet == QUIET && error_status !== 0) begin
        $display("FAIL: error_status is %b", error_status);
        failed = 1;
      end
      if (!failed && cycle == LIMIT) begin
        $display("FAIL: %0d of %0d results after %0d cycles", result, RESULTS, cycle);
        failed = 1;
      end
      if (failed) $stop;
      else if (quiet == QUIET) begin
        $display("PASS: %0d results of %0d numbers, %0d weight and %0d activation rows, %0d cycles",
          RESULTS, LANES, WEIGHTS, ACTIVATIONS, cycle);
        $finish;
      end
    end
"""


def write_testbench(config: MatrixUnitConfig, name: str, directory: Path) -> Path:
    """Write <name>_tb.v for the unit `name`, whole or not at all, and return its path."""
    path = directory / f"{name}{TESTBENCH}.v"
    write_whole(path, make_testbench(config, name))
    return path


def make_testbench(config: MatrixUnitConfig, name: str, *, seed: int = 1) -> str:
    """Return the testbench of the unit `name`; equal arguments give equal texts.

    Parameters
    ----------
    seed : int
        Seed of the operands and of the pauses.
    """
    m, k, n = PRODUCT_ROWS, _two_tiles(config.rows), _two_tiles(config.columns)
    schedule = Schedule(config, m, k, n)
    a, b = draw_products(config, m, k, n, seed=seed)[0]
    transfers = schedule.transfers(a, b)
    ports = {port: bits for port, (_, bits, _) in port_documentation(config).items()}
    data_bits, user_bits = ports["s_axis_activations_tdata"], ports["s_axis_activations_tuser"]
    weights, activations = beats(transfers, config)
    weight_data, weight_user = (ports.get(f"s_axis_weights_{x}", 0) for x in ("tdata", "tuser"))
    weight_bits = weight_data + weight_user
    results = lanes_to_numbers(_result_rows(schedule, a, b))
    ends = transfers.end[transfers.last == 1].tolist()
    timing = MatrixUnitTiming.of(config)
    constants = {
        "PRODUCT_ROWS": m,
        "LANES": config.columns,
        "LANE_BITS": config.result_format.lane_width,
        "WEIGHT_BITS": weight_bits,
        "ACTIVATION_BITS": data_bits,
        "USER_BITS": user_bits,
        "RESULT_BITS": ports["m_axis_results_tdata"],
        "ERROR_BITS": ports["error_status"],
        "WEIGHTS": len(weights),
        "ACTIVATIONS": len(activations),
        "RESULTS": len(results),
        "QUIET": timing.latency + timing.check + 1,
        "LIMIT": PATIENCE * predict(config, [schedule]).cycles,
        "SEED": seed,
    }
    bench = f"{name}{TESTBENCH}"
    return "".join(
        (
            HEADER.format(bench=bench, top=name, m=m, k=k, n=n),
            f"\nmodule {bench};\n",
            *(f"  localparam {key} = {value};\n" for key, value in constants.items()),
            BODY,
            _instance(name, ports, weight_data),
            "\n  initial begin\n",
            *_words("weights", weight_bits, _packed(weights, weight_data)),
            *_words("activations", user_bits + data_bits, _packed(activations, data_bits)),
            *_words("expected", ports["m_axis_results_tdata"], zip(results, ends, strict=True)),
            "  end\nendmodule\n",
        )
    )


def _two_tiles(side: int) -> int:
    """Return a size of two tiles, the second of them partial if `side` exceeds 1."""
    return side + (side + 1) // 2


def _result_rows(schedule: Schedule, a: Matrix, b: Matrix) -> np.ndarray:
    """Return result transfers in order, (transfers, C), with zeros beyond the columns of Z."""
    columns = schedule.config.columns
    product = matmul(schedule.config, a, b)
    z = np.zeros((schedule.m, schedule.n_tiles * columns), product.dtype)
    z[:, : schedule.n] = product
    return np.concatenate(
        [
            z[visit.start : visit.stop, visit.n_tile * columns : (visit.n_tile + 1) * columns]
            for visit in schedule.visits()
            if visit.last
        ]
    )


def _packed(transfers: Iterable[tuple], data_bits: int) -> Iterator[tuple[int, int]]:
    """Yield transfers, (tdata, tlast) or (tdata, tuser, tlast), as (payload, tlast)."""
    for data, *user, last in transfers:
        yield data | (user[0] << data_bits if user else 0), last


def _instance(name: str, ports: Iterable[str], weight_bits: int) -> str:
    """Return the instance of the unit, wired to signals named like its ports; counters are open."""
    wired = {
        "clear_errors": "1'b0",
        "s_axis_weights_tdata": f"s_axis_weights[{weight_bits - 1}:0]",
        "s_axis_weights_tuser": f"s_axis_weights[WEIGHT_BITS-1:{weight_bits}]",
    }
    connections = ",\n".join(
        f"    .{port}({'' if port.startswith('counter_') else wired.get(port, port)})"
        for port in ports
    )
    return f"\n  {name} unit (\n{connections}\n  );\n"


def _words(memory: str, bits: int, transfers: Iterable[tuple[int, int]]) -> Iterable[str]:
    """Yield assignments of transfers, each (payload, tlast), to the words of a memory."""
    for index, (payload, last) in enumerate(transfers):
        yield f"    {memory}[{index}] = {{1'b{last}, {bits}'h{payload:x}}};\n"
