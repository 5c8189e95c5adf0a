// Put numbers through a FloatCell, one in each cycle; each meets a weight of its own.
#include "Vtop.h"

#include <cstdint>

double sc_time_stamp() { return 0; }

extern "C" void float_cell(const uint32_t *activations, const uint32_t *weights,
                           const uint32_t *totals, uint32_t *results, int64_t count,
                           int64_t before_sum, int64_t latency) {
    Vtop cell;
    cell.row_loads = cell.load = cell.row_switches = cell.switch_ = 1;
    // A weight is loaded a cycle before the activation that it is switched with.
    for (int64_t cycle = -1; cycle < count + latency; ++cycle) {
        const int64_t next = cycle + 1, added = cycle - before_sum;
        cell.weight_in = next < count ? weights[next] : 0;
        cell.activation_in = cycle >= 0 && cycle < count ? activations[cycle] : 0;
        cell.sum_in = added >= 0 && added < count ? totals[added] : 0;
        if (cycle >= latency) results[cycle - latency] = cell.sum_out;
        cell.clk = 0;
        cell.eval();
        cell.clk = 1;
        cell.eval();
    }
}
