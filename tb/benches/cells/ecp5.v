// Models of the hard blocks of Lattice ECP5, of which Yosys has only the ports.
//
// The blocks are described in FPGA-TN-02205 (sysDSP) and FPGA-TN-02204 (sysMEM); ports, parameters
// and widths are those of Yosys. A model covers the modes that a matrix unit uses; any other
// parameter or port value ends the simulation. Unused ports are missing, so that the simulator
// rejects their use.

`define NO_INCLUDES
`include "ecp5/ccu2c_sim.vh"
`include "ecp5/common_sim.vh"

// A cell of packed netlists. Icarus Verilog cannot read the model of Yosys.
module TRELLIS_COMB;
endmodule

// A multiplier of 18 x 18 bits, each operand signed or unsigned, with registers at the operands,
// inside the multiplier and at the product. Registers are unknown until clocked.
module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0,
    input CE3, CE2, CE1, CE0, RST3, RST2, RST1, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20,
        P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2,
        P1, P0
);
    parameter REG_INPUTA_CLK = "NONE", REG_INPUTA_CE = "CE0", REG_INPUTA_RST = "RST0";
    parameter REG_INPUTB_CLK = "NONE", REG_INPUTB_CE = "CE0", REG_INPUTB_RST = "RST0";
    parameter REG_INPUTC_CLK = "NONE", REG_INPUTC_CE = "CE0", REG_INPUTC_RST = "RST0";
    parameter REG_PIPELINE_CLK = "NONE", REG_PIPELINE_CE = "CE0", REG_PIPELINE_RST = "RST0";
    parameter REG_OUTPUT_CLK = "NONE", REG_OUTPUT_CE = "CE0", REG_OUTPUT_RST = "RST0";
    parameter CLK0_DIV = "ENABLED", CLK1_DIV = "ENABLED", CLK2_DIV = "ENABLED";
    parameter CLK3_DIV = "ENABLED", HIGHSPEED_CLK = "NONE", GSR = "ENABLED";
    parameter CAS_MATCH_REG = "FALSE", SOURCEB_MODE = "B_SHIFT", MULT_BYPASS = "DISABLED";
    parameter RESETMODE = "SYNC";

    localparam HAS_REGISTER = REG_INPUTA_CLK != "NONE" || REG_INPUTB_CLK != "NONE"
        || REG_PIPELINE_CLK != "NONE" || REG_OUTPUT_CLK != "NONE";

    wire [3:0] enables = {CE3, CE2, CE1, CE0};
    wire signed [18:0] a_in =
        {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3,
        A2, A1, A0};
    wire signed [18:0] b_in =
        {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3,
        B2, B1, B0};
    wire signed [18:0] a, b;
    wire signed [37:0] exact = a * b;
    wire [37:0] product, p;

    Ecp5Register #(.WIDTH(19), .CLOCK(REG_INPUTA_CLK), .ENABLE(REG_INPUTA_CE)) input_a (
        .clock(CLK0), .enables(enables), .i(a_in), .o(a)
    );
    Ecp5Register #(.WIDTH(19), .CLOCK(REG_INPUTB_CLK), .ENABLE(REG_INPUTB_CE)) input_b (
        .clock(CLK0), .enables(enables), .i(b_in), .o(b)
    );
    Ecp5Register #(.WIDTH(38), .CLOCK(REG_PIPELINE_CLK), .ENABLE(REG_PIPELINE_CE)) pipeline (
        .clock(CLK0), .enables(enables), .i(exact), .o(product)
    );
    Ecp5Register #(.WIDTH(38), .CLOCK(REG_OUTPUT_CLK), .ENABLE(REG_OUTPUT_CE)) result (
        .clock(CLK0), .enables(enables), .i(product), .o(p)
    );
    assign
        {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20,
        P19, P18, P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2,
        P1, P0}
        = p[35:0];

    initial begin
        if (REG_INPUTC_CLK != "NONE" || HIGHSPEED_CLK != "NONE" || CAS_MATCH_REG != "FALSE")
            $fatal(1, "MULT18X18D: operand C, high speed or cascade is not modelled");
        if (MULT_BYPASS != "DISABLED") $fatal(1, "MULT18X18D: MULT_BYPASS is not modelled");
        if (CLK0_DIV != "ENABLED") $fatal(1, "MULT18X18D: CLK0_DIV is not modelled");
        if (HAS_REGISTER && GSR == "ENABLED") $fatal(1, "MULT18X18D: GSR is not modelled");
    end
    always @(posedge CLK0) begin
        if ({RST3, RST2, RST1, RST0} !== 0) $fatal(1, "MULT18X18D: RST is not modelled");
        if ({SOURCEA, SOURCEB} !== 0) $fatal(1, "MULT18X18D: shifted operands are not modelled");
        if ((^{SIGNEDA, SIGNEDB}) === 1'bx) $fatal(1, "MULT18X18D: signedness is unknown");
    end
endmodule

// An optional register, with one of the four clock enables of the block.
module Ecp5Register #(parameter WIDTH = 1, CLOCK = "NONE", ENABLE = "CE0") (
    input clock, input [3:0] enables, input [WIDTH-1:0] i, output [WIDTH-1:0] o
);
    localparam INDEX = ENABLE == "CE0" ? 0 : ENABLE == "CE1" ? 1 : ENABLE == "CE2" ? 2
        : ENABLE == "CE3" ? 3 : -1;
    reg [WIDTH-1:0] held;
    assign o = CLOCK == "NONE" ? i : held;
    always @(posedge clock)
        case (enables[INDEX])
            1'b1: held <= i;
            1'b0: ;
            default: held <= {WIDTH{1'bx}};
        endcase
    initial begin
        if (CLOCK != "NONE" && CLOCK != "CLK0") $fatal(1, "MULT18X18D: unknown clock %s", CLOCK);
        if (INDEX < 0) $fatal(1, "MULT18X18D: unknown clock enable %s", ENABLE);
    end
endmodule

// A block memory that is written through port A and read through port B; both ports have the same
// width and clock. Its initial contents, INITVAL, are zero. The output of port B is unknown until
// clocked, and if the word is written in the same cycle. The output of port A is always unknown.
module DP16KD (
    input CLKA, CEA, OCEA, WEA, RSTA, CSA2, CSA1, CSA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1,
        ADA0,
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6,
        DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6,
        DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
    input CLKB, CEB, OCEB, WEB, RSTB, CSB2, CSB1, CSB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1,
        ADB0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6,
        DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6,
        DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18, REGMODE_A = "NOREG", REGMODE_B = "NOREG";
    parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC";
    parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000", CLKAMUX = "CLKA", CLKBMUX = "CLKB";
    // Read behaviour of a port that writes; port B does not write.
    parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL";
    parameter GSR = "ENABLED", INIT_DATA = "STATIC";
    parameter WID = 0;
    parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0,
        INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0, INITVAL_08 = 0,
        INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0, INITVAL_0C = 0, INITVAL_0D = 0,
        INITVAL_0E = 0, INITVAL_0F = 0, INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0,
        INITVAL_13 = 0, INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
        INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0, INITVAL_1C = 0,
        INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0, INITVAL_20 = 0, INITVAL_21 = 0,
        INITVAL_22 = 0, INITVAL_23 = 0, INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0,
        INITVAL_27 = 0, INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0,
        INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0, INITVAL_30 = 0,
        INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0, INITVAL_34 = 0, INITVAL_35 = 0,
        INITVAL_36 = 0, INITVAL_37 = 0, INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0,
        INITVAL_3B = 0, INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0;

    localparam WIDTH = DATA_WIDTH_A;
    localparam LOW = WIDTH == 18 ? 4 : WIDTH == 9 ? 3 : WIDTH == 4 ? 2 : WIDTH == 2 ? 1 : 0;

    wire [13:0] write_address =
        {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1,
        ADA0};
    wire [13:0] read_address =
        {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1,
        ADB0};
    wire [17:0] written =
        {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6,
        DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
    wire [13:0] write_row = write_address >> LOW, read_row = read_address >> LOW;
    // At 18 bits, the low address bits enable the halves of a write.
    wire [1:0] halves = {2{WEA & CEA}} & (WIDTH == 18 ? write_address[1:0] : 2'b11);

    reg [17:0] words [0:(1 << 14 - LOW) - 1];
    reg [17:0] read, registered;
    integer row;

    assign
        {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6,
        DOA5, DOA4, DOA3, DOA2, DOA1, DOA0}
        = 18'bx;
    assign
        {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6,
        DOB5, DOB4, DOB3, DOB2, DOB1, DOB0}
        = REGMODE_B == "OUTREG" ? registered : read;

    always @(posedge CLKA) begin
        if (OCEB !== 0) registered <= OCEB ? read : 18'bx;
        if (CEB !== 0) begin
            read <= CEB ? words[read_row] : 18'bx;
            if (read_row === write_row) begin
                if (halves[0] !== 0) read[8:0] <= 9'bx;
                if (halves[1] !== 0) read[17:9] <= 9'bx;
            end
        end
        if (halves[0] === 1) words[write_row][8:0] <= written[8:0];
        if (halves[1] === 1) words[write_row][17:9] <= written[17:9];
        // A write with an unknown enable or address may have changed any word.
        if (halves !== 0 && (^{halves, write_row}) === 1'bx)
            for (row = 0; row < 1 << 14 - LOW; row = row + 1) words[row] <= 18'bx;

        if (WEB !== 0) $fatal(1, "DP16KD: writes through port B are not modelled");
        if ({RSTA, RSTB} !== 0) $fatal(1, "DP16KD: RST is not modelled");
        if ({CSA2, CSA1, CSA0, CSB2, CSB1, CSB0} !== 0) $fatal(1, "DP16KD: not selected");
    end
    always @(CLKA, CLKB) #1 if (CLKA !== CLKB) $fatal(1, "DP16KD: two clocks are not modelled");

    initial begin
        for (row = 0; row < 1 << 14 - LOW; row = row + 1) words[row] = 0;
        if (DATA_WIDTH_B != WIDTH) $fatal(1, "DP16KD: ports of two widths are not modelled");
        if (WIDTH != 18 && WIDTH != 9 && WIDTH != 4 && WIDTH != 2 && WIDTH != 1)
            $fatal(1, "DP16KD: there is no width of %0d", WIDTH);
        if (GSR == "ENABLED") $fatal(1, "DP16KD: GSR is not modelled");
        if (REGMODE_B != "NOREG" && REGMODE_B != "OUTREG") $fatal(1, "DP16KD: %s", REGMODE_B);
        if (CSDECODE_A != "0b000" || CSDECODE_B != "0b000" || CLKAMUX != "CLKA"
            || CLKBMUX != "CLKB") $fatal(1, "DP16KD: a selection or clock is not modelled");
        if (
            |{INITVAL_00, INITVAL_01, INITVAL_02, INITVAL_03, INITVAL_04, INITVAL_05,
            INITVAL_06, INITVAL_07, INITVAL_08, INITVAL_09, INITVAL_0A, INITVAL_0B,
            INITVAL_0C, INITVAL_0D, INITVAL_0E, INITVAL_0F, INITVAL_10, INITVAL_11,
            INITVAL_12, INITVAL_13, INITVAL_14, INITVAL_15, INITVAL_16, INITVAL_17,
            INITVAL_18, INITVAL_19, INITVAL_1A, INITVAL_1B, INITVAL_1C, INITVAL_1D,
            INITVAL_1E, INITVAL_1F, INITVAL_20, INITVAL_21, INITVAL_22, INITVAL_23,
            INITVAL_24, INITVAL_25, INITVAL_26, INITVAL_27, INITVAL_28, INITVAL_29,
            INITVAL_2A, INITVAL_2B, INITVAL_2C, INITVAL_2D, INITVAL_2E, INITVAL_2F,
            INITVAL_30, INITVAL_31, INITVAL_32, INITVAL_33, INITVAL_34, INITVAL_35,
            INITVAL_36, INITVAL_37, INITVAL_38, INITVAL_39, INITVAL_3A, INITVAL_3B,
            INITVAL_3C, INITVAL_3D, INITVAL_3E, INITVAL_3F}
        ) $fatal(1, "DP16KD: contents other than zero are not modelled");
    end
endmodule
