// A 4 x 4 unit in a design of your own. `weft verilog --rows 4 --columns 4` writes weft_4x4.v.
module example_top (
  input wire clk, reset_n,
  output wire [5:0] error_status,
  input wire [31:0] weights_tdata,
  input wire weights_tlast, weights_tvalid,
  output wire weights_tready,
  input wire [31:0] activations_tdata,
  input wire [12:0] activations_tuser,
  input wire activations_tlast, activations_tvalid,
  output wire activations_tready,
  output wire [127:0] results_tdata,
  output wire results_tlast, results_tvalid,
  input wire results_tready
);
  weft_4x4 unit (
    .aclk(clk), .aresetn(reset_n), .clear_errors(1'b0), .error_status(error_status),
    .s_axis_weights_tdata(weights_tdata), .s_axis_weights_tlast(weights_tlast),
    .s_axis_weights_tvalid(weights_tvalid), .s_axis_weights_tready(weights_tready),
    .s_axis_activations_tdata(activations_tdata), .s_axis_activations_tuser(activations_tuser),
    .s_axis_activations_tlast(activations_tlast), .s_axis_activations_tvalid(activations_tvalid),
    .s_axis_activations_tready(activations_tready), .m_axis_results_tready(results_tready),
    .m_axis_results_tdata(results_tdata), .m_axis_results_tlast(results_tlast),
    .m_axis_results_tvalid(results_tvalid), .counter_total(), .counter_computing(),
    .counter_waiting_for_weights(), .counter_loading_weights(), .counter_idle(),
    .counter_waiting_for_activations(), .counter_waiting_for_room(), .counter_waiting_for_sum());
endmodule
