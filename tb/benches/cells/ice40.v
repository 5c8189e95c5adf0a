// Models of the cells of Lattice iCE40: those of Yosys, except for the block memory.

// Icarus Verilog does not support default values of ports.
`define NO_ICE40_DEFAULT_ASSIGNMENTS
`include "ice40/cells_sim.v"

// A block memory whose ports are 16, 8, 4 or 2 bits wide, independently, with the bit positions of
// the model of Yosys. Its initial contents are zero. The output is unknown until clocked, and where
// a bit is written in the same cycle: the model of Yosys returns the old bit, but the mapping of
// Yosys does not rely on that, and a design must not either.
module SB_RAM40_4K (
    output reg [15:0] RDATA, input RCLK, RCLKE, RE, input [10:0] RADDR,
    input WCLK, WCLKE, WE, input [10:0] WADDR, input [15:0] MASK, WDATA
);
    parameter WRITE_MODE = 0, READ_MODE = 0, INIT_FILE = "";
    parameter [255:0] INIT_0 = 0, INIT_1 = 0, INIT_2 = 0, INIT_3 = 0, INIT_4 = 0, INIT_5 = 0,
        INIT_6 = 0, INIT_7 = 0, INIT_8 = 0, INIT_9 = 0, INIT_A = 0, INIT_B = 0, INIT_C = 0,
        INIT_D = 0, INIT_E = 0, INIT_F = 0;

    // The bit of a narrow port for bit `index` of a row of 16.
    function integer place(input integer mode, index);
        place = mode == 0 ? index : (index >> mode << mode) + (1 << mode - 1) - 1;
    endfunction

    reg [15:0] rows [0:255];
    wire [15:0] written;
    integer index, row;

    genvar at;
    generate
        for (at = 0; at < 16; at = at + 1) begin: enables
            assign written[at] = WE & WCLKE & (WRITE_MODE == 0 ? ~MASK[at]
                : WADDR[10:8] % (1 << WRITE_MODE) == at % (1 << WRITE_MODE));
        end
    endgenerate

    always @(posedge WCLK) begin
        if ((RE & RCLKE) !== 0) begin
            RDATA <= RE & RCLKE ? 16'b0 : 16'bx;
            for (index = 0; index < 16; index = index + 1)
                if (RADDR[10:8] % (1 << READ_MODE) == index % (1 << READ_MODE))
                    RDATA[place(READ_MODE, index)] <= RE & RCLKE
                        && !(RADDR[7:0] === WADDR[7:0] && written[index] !== 0)
                        ? rows[RADDR[7:0]][index] : 1'bx;
        end
        for (index = 0; index < 16; index = index + 1)
            if (written[index] === 1) rows[WADDR[7:0]][index] <= WDATA[place(WRITE_MODE, index)];
        // A write with an unknown enable or address may have changed any row.
        if (written !== 0 && (^{written, WADDR}) === 1'bx)
            for (row = 0; row < 256; row = row + 1) rows[row] <= 16'bx;
    end
    always @(RCLK, WCLK) #1 if (RCLK !== WCLK) $fatal(1, "SB_RAM40: two clocks are not modelled");

    initial begin
        for (row = 0; row < 256; row = row + 1) rows[row] = 0;
        if (INIT_FILE != "" || |{INIT_0, INIT_1, INIT_2, INIT_3, INIT_4, INIT_5, INIT_6, INIT_7,
            INIT_8, INIT_9, INIT_A, INIT_B, INIT_C, INIT_D, INIT_E, INIT_F})
            $fatal(1, "SB_RAM40: contents other than zero are not modelled");
    end
endmodule
