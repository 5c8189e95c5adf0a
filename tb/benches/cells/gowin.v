// Models of the hard blocks of Gowin GW1N, of which Yosys has only the ports.
//
// The blocks are described in UG287 (DSP) and UG285 (BSRAM); ports, parameters and widths are those
// of Yosys. A model covers the modes that Yosys maps a matrix unit to; any other parameter or port
// value ends the simulation. Unused ports are missing, so that the simulator rejects their use.

`include "gowin/cells_sim.v"

module MULT9X9 (
    input [8:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [17:0] DOUT
);
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0;
    parameter SOA_REG = 0, MULT_RESET_MODE = "SYNC";

    GowinMultiplier #(
        .WIDTH(9), .REGISTERS({AREG, BREG, OUT_REG, PIPE_REG, ASIGN_REG, BSIGN_REG, SOA_REG})
    ) multiplier (.a(A), .b(B), .signs({ASIGN, BSIGN}), .shifted({ASEL, BSEL}), .product(DOUT));
endmodule

module MULT18X18 (
    input [17:0] A, SIA, B, SIB, input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [35:0] DOUT
);
    parameter AREG = 0, BREG = 0, OUT_REG = 0, PIPE_REG = 0, ASIGN_REG = 0, BSIGN_REG = 0;
    parameter SOA_REG = 0, MULT_RESET_MODE = "SYNC";

    GowinMultiplier #(
        .WIDTH(18), .REGISTERS({AREG, BREG, OUT_REG, PIPE_REG, ASIGN_REG, BSIGN_REG, SOA_REG})
    ) multiplier (.a(A), .b(B), .signs({ASIGN, BSIGN}), .shifted({ASEL, BSEL}), .product(DOUT));
endmodule

// A multiplier without registers, each operand signed or unsigned.
module GowinMultiplier #(parameter WIDTH = 9, REGISTERS = 0) (
    input [WIDTH-1:0] a, b, input [1:0] signs, shifted, output [2*WIDTH-1:0] product
);
    wire signed [WIDTH:0] a_number = {signs[1] & a[WIDTH-1], a};
    wire signed [WIDTH:0] b_number = {signs[0] & b[WIDTH-1], b};
    wire signed [2*WIDTH+1:0] exact = a_number * b_number;
    assign product = exact[2*WIDTH-1:0];

    initial if (REGISTERS != 0) $fatal(1, "MULT: registers are not modelled");
    always @(a, b) begin
        if ((^signs) === 1'bx) $fatal(1, "MULT: signedness is unknown");
        if (shifted !== 0) $fatal(1, "MULT: shifted operands are not modelled");
    end
endmodule

// Block memories that are written through port A and read through port B, as in GowinMemory. In
// those with two full ports, the output of port A is always unknown.

module SDPB (
    input CLKA, CEA, RESETA, input [13:0] ADA, input [31:0] DI, input [2:0] BLKSELA,
    input CLKB, CEB, OCE, RESETB, input [13:0] ADB, output [31:0] DO, input [2:0] BLKSELB
);
    parameter READ_MODE = 0, BIT_WIDTH_0 = 32, BIT_WIDTH_1 = 32, RESET_MODE = "SYNC";
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0;
    parameter [255:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0,
        INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0,
        INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0,
        INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0,
        INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0,
        INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0,
        INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0,
        INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0,
        INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, INIT_RAM_30 = 0,
        INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0,
        INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;

    GowinMemory #(
        .LANE(8), .PORT(32), .WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1),
        .MODES({READ_MODE, BLK_SEL_0, BLK_SEL_1}), .FILLED(
            |{INIT_RAM_00, INIT_RAM_01, INIT_RAM_02, INIT_RAM_03, INIT_RAM_04, INIT_RAM_05,
            INIT_RAM_06, INIT_RAM_07, INIT_RAM_08, INIT_RAM_09, INIT_RAM_0A, INIT_RAM_0B,
            INIT_RAM_0C, INIT_RAM_0D, INIT_RAM_0E, INIT_RAM_0F, INIT_RAM_10, INIT_RAM_11,
            INIT_RAM_12, INIT_RAM_13, INIT_RAM_14, INIT_RAM_15, INIT_RAM_16, INIT_RAM_17,
            INIT_RAM_18, INIT_RAM_19, INIT_RAM_1A, INIT_RAM_1B, INIT_RAM_1C, INIT_RAM_1D,
            INIT_RAM_1E, INIT_RAM_1F, INIT_RAM_20, INIT_RAM_21, INIT_RAM_22, INIT_RAM_23,
            INIT_RAM_24, INIT_RAM_25, INIT_RAM_26, INIT_RAM_27, INIT_RAM_28, INIT_RAM_29,
            INIT_RAM_2A, INIT_RAM_2B, INIT_RAM_2C, INIT_RAM_2D, INIT_RAM_2E, INIT_RAM_2F,
            INIT_RAM_30, INIT_RAM_31, INIT_RAM_32, INIT_RAM_33, INIT_RAM_34, INIT_RAM_35,
            INIT_RAM_36, INIT_RAM_37, INIT_RAM_38, INIT_RAM_39, INIT_RAM_3A, INIT_RAM_3B,
            INIT_RAM_3C, INIT_RAM_3D, INIT_RAM_3E, INIT_RAM_3F}
        )
    ) memory (
        .write_clock(CLKA), .write(CEA), .write_address(ADA), .i(DI),
        .read_clock(CLKB), .read(CEB), .read_address(ADB), .o(DO),
        .zeros({RESETA, RESETB, BLKSELA, BLKSELB, 1'b0})
    );
endmodule

module SDPX9B (
    input CLKA, CEA, RESETA, input [13:0] ADA, input [35:0] DI, input [2:0] BLKSELA,
    input CLKB, CEB, OCE, RESETB, input [13:0] ADB, output [35:0] DO, input [2:0] BLKSELB
);
    parameter READ_MODE = 0, BIT_WIDTH_0 = 36, BIT_WIDTH_1 = 36, RESET_MODE = "SYNC";
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0;
    parameter [287:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0,
        INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0,
        INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0,
        INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0,
        INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0,
        INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0,
        INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0,
        INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0,
        INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, INIT_RAM_30 = 0,
        INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0,
        INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;

    GowinMemory #(
        .LANE(9), .PORT(36), .WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1),
        .MODES({READ_MODE, BLK_SEL_0, BLK_SEL_1}), .FILLED(
            |{INIT_RAM_00, INIT_RAM_01, INIT_RAM_02, INIT_RAM_03, INIT_RAM_04, INIT_RAM_05,
            INIT_RAM_06, INIT_RAM_07, INIT_RAM_08, INIT_RAM_09, INIT_RAM_0A, INIT_RAM_0B,
            INIT_RAM_0C, INIT_RAM_0D, INIT_RAM_0E, INIT_RAM_0F, INIT_RAM_10, INIT_RAM_11,
            INIT_RAM_12, INIT_RAM_13, INIT_RAM_14, INIT_RAM_15, INIT_RAM_16, INIT_RAM_17,
            INIT_RAM_18, INIT_RAM_19, INIT_RAM_1A, INIT_RAM_1B, INIT_RAM_1C, INIT_RAM_1D,
            INIT_RAM_1E, INIT_RAM_1F, INIT_RAM_20, INIT_RAM_21, INIT_RAM_22, INIT_RAM_23,
            INIT_RAM_24, INIT_RAM_25, INIT_RAM_26, INIT_RAM_27, INIT_RAM_28, INIT_RAM_29,
            INIT_RAM_2A, INIT_RAM_2B, INIT_RAM_2C, INIT_RAM_2D, INIT_RAM_2E, INIT_RAM_2F,
            INIT_RAM_30, INIT_RAM_31, INIT_RAM_32, INIT_RAM_33, INIT_RAM_34, INIT_RAM_35,
            INIT_RAM_36, INIT_RAM_37, INIT_RAM_38, INIT_RAM_39, INIT_RAM_3A, INIT_RAM_3B,
            INIT_RAM_3C, INIT_RAM_3D, INIT_RAM_3E, INIT_RAM_3F}
        )
    ) memory (
        .write_clock(CLKA), .write(CEA), .write_address(ADA), .i(DI),
        .read_clock(CLKB), .read(CEB), .read_address(ADB), .o(DO),
        .zeros({RESETA, RESETB, BLKSELA, BLKSELB, 1'b0})
    );
endmodule

module DPB (
    input CLKA, CEA, OCEA, RESETA, WREA, input [13:0] ADA, input [15:0] DIA,
    output [15:0] DOA, input [2:0] BLKSELA,
    input CLKB, CEB, OCEB, RESETB, WREB, input [13:0] ADB, input [15:0] DIB,
    output [15:0] DOB, input [2:0] BLKSELB
);
    parameter READ_MODE0 = 0, READ_MODE1 = 0, BIT_WIDTH_0 = 16, BIT_WIDTH_1 = 16;
    // Read behaviour of a port that writes; port B does not write.
    parameter WRITE_MODE0 = 0, WRITE_MODE1 = 0;
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC";
    parameter [255:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0,
        INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0,
        INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0,
        INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0,
        INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0,
        INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0,
        INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0,
        INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0,
        INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, INIT_RAM_30 = 0,
        INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0,
        INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;

    assign DOA = {16{1'bx}};
    GowinMemory #(
        .LANE(8), .PORT(16), .WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1),
        .MODES({READ_MODE1, BLK_SEL_0, BLK_SEL_1}), .FILLED(
            |{INIT_RAM_00, INIT_RAM_01, INIT_RAM_02, INIT_RAM_03, INIT_RAM_04, INIT_RAM_05,
            INIT_RAM_06, INIT_RAM_07, INIT_RAM_08, INIT_RAM_09, INIT_RAM_0A, INIT_RAM_0B,
            INIT_RAM_0C, INIT_RAM_0D, INIT_RAM_0E, INIT_RAM_0F, INIT_RAM_10, INIT_RAM_11,
            INIT_RAM_12, INIT_RAM_13, INIT_RAM_14, INIT_RAM_15, INIT_RAM_16, INIT_RAM_17,
            INIT_RAM_18, INIT_RAM_19, INIT_RAM_1A, INIT_RAM_1B, INIT_RAM_1C, INIT_RAM_1D,
            INIT_RAM_1E, INIT_RAM_1F, INIT_RAM_20, INIT_RAM_21, INIT_RAM_22, INIT_RAM_23,
            INIT_RAM_24, INIT_RAM_25, INIT_RAM_26, INIT_RAM_27, INIT_RAM_28, INIT_RAM_29,
            INIT_RAM_2A, INIT_RAM_2B, INIT_RAM_2C, INIT_RAM_2D, INIT_RAM_2E, INIT_RAM_2F,
            INIT_RAM_30, INIT_RAM_31, INIT_RAM_32, INIT_RAM_33, INIT_RAM_34, INIT_RAM_35,
            INIT_RAM_36, INIT_RAM_37, INIT_RAM_38, INIT_RAM_39, INIT_RAM_3A, INIT_RAM_3B,
            INIT_RAM_3C, INIT_RAM_3D, INIT_RAM_3E, INIT_RAM_3F}
        )
    ) memory (
        .write_clock(CLKA), .write(CEA & WREA), .write_address(ADA), .i(DIA),
        .read_clock(CLKB), .read(CEB), .read_address(ADB), .o(DOB),
        .zeros({RESETA, RESETB, BLKSELA, BLKSELB, WREB})
    );
endmodule

module DPX9B (
    input CLKA, CEA, OCEA, RESETA, WREA, input [13:0] ADA, input [17:0] DIA,
    output [17:0] DOA, input [2:0] BLKSELA,
    input CLKB, CEB, OCEB, RESETB, WREB, input [13:0] ADB, input [17:0] DIB,
    output [17:0] DOB, input [2:0] BLKSELB
);
    parameter READ_MODE0 = 0, READ_MODE1 = 0, BIT_WIDTH_0 = 18, BIT_WIDTH_1 = 18;
    // Read behaviour of a port that writes; port B does not write.
    parameter WRITE_MODE0 = 0, WRITE_MODE1 = 0;
    parameter BLK_SEL_0 = 0, BLK_SEL_1 = 0, RESET_MODE = "SYNC";
    parameter [287:0] INIT_RAM_00 = 0, INIT_RAM_01 = 0, INIT_RAM_02 = 0, INIT_RAM_03 = 0,
        INIT_RAM_04 = 0, INIT_RAM_05 = 0, INIT_RAM_06 = 0, INIT_RAM_07 = 0, INIT_RAM_08 = 0,
        INIT_RAM_09 = 0, INIT_RAM_0A = 0, INIT_RAM_0B = 0, INIT_RAM_0C = 0, INIT_RAM_0D = 0,
        INIT_RAM_0E = 0, INIT_RAM_0F = 0, INIT_RAM_10 = 0, INIT_RAM_11 = 0, INIT_RAM_12 = 0,
        INIT_RAM_13 = 0, INIT_RAM_14 = 0, INIT_RAM_15 = 0, INIT_RAM_16 = 0, INIT_RAM_17 = 0,
        INIT_RAM_18 = 0, INIT_RAM_19 = 0, INIT_RAM_1A = 0, INIT_RAM_1B = 0, INIT_RAM_1C = 0,
        INIT_RAM_1D = 0, INIT_RAM_1E = 0, INIT_RAM_1F = 0, INIT_RAM_20 = 0, INIT_RAM_21 = 0,
        INIT_RAM_22 = 0, INIT_RAM_23 = 0, INIT_RAM_24 = 0, INIT_RAM_25 = 0, INIT_RAM_26 = 0,
        INIT_RAM_27 = 0, INIT_RAM_28 = 0, INIT_RAM_29 = 0, INIT_RAM_2A = 0, INIT_RAM_2B = 0,
        INIT_RAM_2C = 0, INIT_RAM_2D = 0, INIT_RAM_2E = 0, INIT_RAM_2F = 0, INIT_RAM_30 = 0,
        INIT_RAM_31 = 0, INIT_RAM_32 = 0, INIT_RAM_33 = 0, INIT_RAM_34 = 0, INIT_RAM_35 = 0,
        INIT_RAM_36 = 0, INIT_RAM_37 = 0, INIT_RAM_38 = 0, INIT_RAM_39 = 0, INIT_RAM_3A = 0,
        INIT_RAM_3B = 0, INIT_RAM_3C = 0, INIT_RAM_3D = 0, INIT_RAM_3E = 0, INIT_RAM_3F = 0;

    assign DOA = {18{1'bx}};
    GowinMemory #(
        .LANE(9), .PORT(18), .WIDTH(BIT_WIDTH_0), .READ_WIDTH(BIT_WIDTH_1),
        .MODES({READ_MODE1, BLK_SEL_0, BLK_SEL_1}), .FILLED(
            |{INIT_RAM_00, INIT_RAM_01, INIT_RAM_02, INIT_RAM_03, INIT_RAM_04, INIT_RAM_05,
            INIT_RAM_06, INIT_RAM_07, INIT_RAM_08, INIT_RAM_09, INIT_RAM_0A, INIT_RAM_0B,
            INIT_RAM_0C, INIT_RAM_0D, INIT_RAM_0E, INIT_RAM_0F, INIT_RAM_10, INIT_RAM_11,
            INIT_RAM_12, INIT_RAM_13, INIT_RAM_14, INIT_RAM_15, INIT_RAM_16, INIT_RAM_17,
            INIT_RAM_18, INIT_RAM_19, INIT_RAM_1A, INIT_RAM_1B, INIT_RAM_1C, INIT_RAM_1D,
            INIT_RAM_1E, INIT_RAM_1F, INIT_RAM_20, INIT_RAM_21, INIT_RAM_22, INIT_RAM_23,
            INIT_RAM_24, INIT_RAM_25, INIT_RAM_26, INIT_RAM_27, INIT_RAM_28, INIT_RAM_29,
            INIT_RAM_2A, INIT_RAM_2B, INIT_RAM_2C, INIT_RAM_2D, INIT_RAM_2E, INIT_RAM_2F,
            INIT_RAM_30, INIT_RAM_31, INIT_RAM_32, INIT_RAM_33, INIT_RAM_34, INIT_RAM_35,
            INIT_RAM_36, INIT_RAM_37, INIT_RAM_38, INIT_RAM_39, INIT_RAM_3A, INIT_RAM_3B,
            INIT_RAM_3C, INIT_RAM_3D, INIT_RAM_3E, INIT_RAM_3F}
        )
    ) memory (
        .write_clock(CLKA), .write(CEA & WREA), .write_address(ADA), .i(DIA),
        .read_clock(CLKB), .read(CEB), .read_address(ADB), .o(DOB),
        .zeros({RESETA, RESETB, BLKSELA, BLKSELB, WREB})
    );
endmodule

// A block memory with ports of the same width and clock, and lanes of 8 or 9 bits. Its initial
// contents are zero. The output is unknown until clocked, and if the word is written in the same
// cycle.
module GowinMemory #(
    parameter LANE = 8, PORT = 32, WIDTH = 32, READ_WIDTH = 32, MODES = 0, FILLED = 0
) (
    input write_clock, write, input [13:0] write_address, input [PORT-1:0] i,
    input read_clock, read, input [13:0] read_address, output reg [PORT-1:0] o,
    input [8:0] zeros
);
    localparam LANES = WIDTH > LANE ? WIDTH / LANE : 1;
    localparam LOW = WIDTH < LANE ? $clog2(WIDTH) : 3 + $clog2(LANES);

    wire [13:0] write_row = write_address >> LOW, read_row = read_address >> LOW;
    // With more than one lane, the low address bits enable the lanes of a write.
    wire [3:0] lanes = {4{write}} & (LANES > 1 ? write_address[3:0] : 4'b1);

    reg [PORT-1:0] words [0:(1 << 14 - LOW) - 1];
    integer lane, row;

    always @(posedge write_clock) begin
        if (read !== 0) o <= read ? words[read_row] : {PORT{1'bx}};
        for (lane = 0; lane < LANES; lane = lane + 1) begin
            if (lanes[lane] !== 0 && read !== 0 && read_row === write_row)
                o[lane*LANE +: LANE] <= {LANE{1'bx}};
            if (lanes[lane] === 1) words[write_row][lane*LANE +: LANE] <= i[lane*LANE +: LANE];
        end
        // A write with an unknown enable or address may have changed any word.
        if (lanes !== 0 && (^{lanes, write_row}) === 1'bx)
            for (row = 0; row < 1 << 14 - LOW; row = row + 1) words[row] <= {PORT{1'bx}};
        if (zeros !== 0) $fatal(1, "BSRAM: a reset, a selection or a second write port is used");
    end
    always @(write_clock, read_clock)
        #1 if (write_clock !== read_clock) $fatal(1, "BSRAM: two clocks are not modelled");

    initial begin
        for (row = 0; row < 1 << 14 - LOW; row = row + 1) words[row] = 0;
        if (READ_WIDTH != WIDTH) $fatal(1, "BSRAM: ports of two widths are not modelled");
        if (WIDTH > PORT || (WIDTH != 1 && WIDTH != 2 && WIDTH != 4 && WIDTH != LANE * LANES))
            $fatal(1, "BSRAM: there is no width of %0d", WIDTH);
        if (MODES != 0) $fatal(1, "BSRAM: an output register or selection is not modelled");
        if (FILLED) $fatal(1, "BSRAM: contents other than zero are not modelled");
    end
endmodule
