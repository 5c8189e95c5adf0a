// Drives an emitted matrix unit, built by Verilator as class Vtop, from the arrays of the host.
//
// In each cycle, the driver sets the inputs, lowers the clock, reads the values that a flip-flop would
// sample, and raises the clock. Lanes are copied as little-endian bytes.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "Vtop.h"
#include "unit_settings.h"
#include "verilated.h"
#include "trace_file.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lanes are copied as little endian bytes");

#define EXPORT extern "C" __attribute__((visibility("default")))

constexpr int COUNTERS = WEFT_COUNTER_COUNT;
constexpr int RESET_CYCLES = WEFT_RESET_CYCLES;
constexpr int MAX_PIECES = WEFT_MAX_PIECES;

// The structures below are those of native_driver.py, all of 64-bit words.

// Rows of lanes in an array: the address of the first row, the bytes between rows, and the number of
// rows. `end`: the last row has tlast.
struct Rows {
    uint8_t* data;
    int64_t stride;
    int64_t count;
    int64_t end;
};

// The rows of a tile of weights: their tuser, and the zero points of their lanes, null if there are
// none.
struct Tile {
    Rows rows;
    int64_t tuser;
    const uint8_t* zero_points;
};

// Activation rows of one visit. Each row of A passes in `pieces` transfers. tuser of a transfer is the
// sum of that of its piece, `tuser_step` for each earlier row of A, its entry of `zero_points` unless
// null, and `first_tuser` for the first transfer.
struct Visit {
    Rows rows;
    int64_t pieces;
    int64_t piece_tuser[MAX_PIECES];
    int64_t tuser_step;
    const int64_t* zero_points;
    int64_t first_tuser;

    int64_t tuser(int64_t transfer) const {
        int64_t sum = piece_tuser[transfer % pieces] + transfer / pieces * tuser_step;
        if (zero_points) sum += zero_points[transfer];
        return transfer ? sum : sum + first_tuser;
    }
};

// Addresses of the operands and results, and options. Stalls are cyclic lists: idle cycles before each
// transfer, and whether results are taken in a cycle; there are none if `stall_period` is 0.
// `patience`: the unit hangs after this number of cycles without a transfer and without a stall by the
// host. `aftermath`: cycles during which the unit is observed after the last result. `check_latency`:
// further cycles until the error status is read. In a unit with fault injection, stored bit
// `fault_bit` flips at the end of cycle `fault_cycle`.
struct Stimulus {
    const Tile* weights;
    const Visit* visits;
    const Rows* results;
    int64_t weight_groups, visit_count, result_groups;
    int64_t weight_bytes, activation_bytes, result_bytes;
    const uint8_t* weight_gaps;
    const uint8_t* activation_gaps;
    const uint8_t* ready;
    int64_t stall_period;
    int64_t patience;
    int64_t trace_start, trace_stop;
    int64_t aftermath;
    int64_t check_latency;
    int64_t fault_bit, fault_cycle;
};

enum Status : int64_t { WORKING, DONE, HUNG };

struct Progress {
    int64_t status;
    int64_t cycles;
    int64_t results;
    int64_t wrong_ends;  // results with a wrong tlast
    int64_t error_status;
    int64_t counters[COUNTERS];
    int64_t done_after;       // cycles up to the last expected result
    int64_t further_results;  // results that were not expected
    int64_t broken_waits;     // results withdrawn or changed before they were taken
    int64_t untaken;          // input streams with rows left over
};

namespace {

const Rows& rows_of(const Rows& rows) { return rows; }
const Rows& rows_of(const Tile& tile) { return tile.rows; }
const Rows& rows_of(const Visit& visit) { return visit.rows; }

// A position in a list of groups of rows.
template <typename Group>
struct Cursor {
    const Group* group = nullptr;
    const Group* stop = nullptr;
    int64_t row = 0;

    bool done() const { return group == stop; }
    uint8_t* data() const { return rows_of(*group).data + row * rows_of(*group).stride; }
    bool at_last_row() const { return row + 1 == rows_of(*group).count; }
    bool at_end() const { return at_last_row() && rows_of(*group).end; }
    void advance() {
        if (at_last_row()) {
            row = 0;
            ++group;
        } else {
            ++row;
        }
    }
};

// Decides whether a stream offers its transfer in a cycle: after its gap, until the transfer.
class Offer {
public:
    void start(const uint8_t* list, int64_t length) {
        gaps = list;
        period = length;
        at = 0;
        next();
    }
    void next() {
        gap = period ? gaps[at] : 0;
        if (++at >= period) at = 0;
    }
    bool in_this_cycle() {
        if (gap == 0) return true;
        --gap;
        return false;
    }

private:
    const uint8_t* gaps = nullptr;
    int64_t period = 0, at = 0, gap = 0;
};

class Driver {
public:
    Driver() : context(std::make_unique<VerilatedContext>()) {
        // Without this, Verilator starts a pool of threads, which a single-threaded model cannot use.
        context->threads(1);
        enter();
#ifdef WEFT_TRACE
        context->traceEverOn(true);
#endif
        top = std::make_unique<Vtop>(context.get(), "");
    }

    ~Driver() {
        enter();
        trace.close();
        top->final();
    }

    // Verilator has a current context per thread; calls may come from any thread.
    void enter() { Verilated::threadContextp(context.get()); }

    void reset() {
        enter();
        top->s_axis_weights_tvalid = 0;
        top->s_axis_activations_tvalid = 0;
        top->m_axis_results_tready = 0;
        top->clear_errors = 0;
        for (int cycle = 0; cycle <= RESET_CYCLES; ++cycle) {
            top->aresetn = cycle == RESET_CYCLES;
            fall();
            rise();
        }
    }

    void start(const Stimulus& given, Progress& progress) {
        stimulus = given;
        weights = {stimulus.weights, stimulus.weights + stimulus.weight_groups};
        visits = {stimulus.visits, stimulus.visits + stimulus.visit_count};
        results = {stimulus.results, stimulus.results + stimulus.result_groups};
        weight_offer.start(stimulus.weight_gaps, stimulus.stall_period);
        activation_offer.start(stimulus.activation_gaps, stimulus.stall_period);
        still = 0;
        waiting = false;
        progress = {};
        read_counters(before);
    }

    void run(Progress& progress, int64_t cycles) {
        enter();
        for (; cycles > 0 && progress.status == WORKING; --cycles) step(progress);
        if (progress.status == WORKING) observe(progress);
    }

    bool open_trace(const char* path) {
        enter();
        return trace.open(*top, path);
    }

    bool close_trace() { return trace.close(); }

private:
    void step(Progress& progress) {
        offer(progress.cycles);
        show(progress.cycles, 0);
        flip(progress.cycles, true);
        fall();
        show(progress.cycles, 1);
        const bool weights_taken = top->s_axis_weights_tvalid && top->s_axis_weights_tready;
        const bool row_taken = top->s_axis_activations_tvalid && top->s_axis_activations_tready;
        const bool result_taken = top->m_axis_results_tvalid && top->m_axis_results_tready;
        const bool stalled = host_stalls();
        watch_wait(progress);
        if (result_taken) take(progress);
        rise();
        flip(progress.cycles, false);
        ++progress.cycles;
        if (weights_taken) {
            weights.advance();
            weight_offer.next();
        }
        if (row_taken) {
            visits.advance();
            activation_offer.next();
        }
        if (weights_taken || row_taken || result_taken) {
            still = 0;
        } else if (!stalled) {
            ++still;
        }
        if (results.done() && progress.done_after == 0) progress.done_after = progress.cycles;
        if (results.done() && progress.cycles >= progress.done_after + stimulus.aftermath) {
            progress.status = DONE;
        } else if (still > stimulus.patience) {
            progress.status = HUNG;
        }
        if (progress.status != WORKING) finish(progress);
    }

    void offer(int64_t cycle) {
        top->m_axis_results_tready = stimulus.stall_period == 0 || stimulus.ready[cycle % stimulus.stall_period];
        top->s_axis_weights_tvalid = !weights.done() && weight_offer.in_this_cycle();
        if (top->s_axis_weights_tvalid) {
            const Tile& tile = *weights.group;
            auto* lanes = reinterpret_cast<uint8_t*>(&top->s_axis_weights_tdata);
            std::memcpy(lanes, weights.data(), stimulus.weight_bytes);
            if (tile.zero_points) std::memcpy(lanes + stimulus.weight_bytes, tile.zero_points, stimulus.weight_bytes);
#ifdef WEFT_WEIGHT_TUSER
            top->s_axis_weights_tuser = tile.tuser;
#endif
            top->s_axis_weights_tlast = weights.at_last_row();
        }
        top->s_axis_activations_tvalid = !visits.done() && activation_offer.in_this_cycle();
        if (top->s_axis_activations_tvalid) {
            std::memcpy(&top->s_axis_activations_tdata, visits.data(), stimulus.activation_bytes);
            top->s_axis_activations_tuser = visits.group->tuser(visits.row);
            top->s_axis_activations_tlast = visits.at_end();
        }
    }

    // Whether the host stalls the unit: it does not take a result, or does not yet offer the next
    // transfer of a stream.
    bool host_stalls() const {
        return (top->m_axis_results_tvalid && !top->m_axis_results_tready)
               || (!weights.done() && !top->s_axis_weights_tvalid)
               || (!visits.done() && !top->s_axis_activations_tvalid);
    }

    void take(Progress& progress) {
        if (results.done()) {
            ++progress.further_results;
            return;
        }
        std::memcpy(results.data(), &top->m_axis_results_tdata, stimulus.result_bytes);
        progress.wrong_ends += bool(top->m_axis_results_tlast) != results.at_end();
        results.advance();
        ++progress.results;
    }

    // An offered result must not change until it is taken.
    void watch_wait(Progress& progress) {
        const auto* row = reinterpret_cast<const uint8_t*>(&top->m_axis_results_tdata);
        if (waiting) {
            progress.broken_waits += !top->m_axis_results_tvalid
                                     || bool(top->m_axis_results_tlast) != waiting_end
                                     || !std::equal(waiting_row.begin(), waiting_row.end(), row);
        }
        waiting = top->m_axis_results_tvalid && !top->m_axis_results_tready;
        if (waiting) {
            waiting_row.assign(row, row + stimulus.result_bytes);
            waiting_end = top->m_axis_results_tlast;
        }
    }

    // Sets or clears the request to flip a stored bit at the edge that ends this cycle.
    void flip(int64_t cycle, bool now) {
#ifdef WEFT_FAULTS
        if (cycle == stimulus.fault_cycle) {
            top->fault[stimulus.fault_bit / 32] = uint32_t(now) << (stimulus.fault_bit % 32);
        }
#else
        (void)cycle;
        (void)now;
#endif
    }

    // Reads the counters and the error status.
    void observe(Progress& progress) const {
        read_counters(progress.counters);
        for (int i = 0; i < COUNTERS; ++i) {
            progress.counters[i] = (progress.counters[i] - before[i]) & WEFT_COUNTER_MASK;
        }
        progress.error_status = top->error_status;
    }

    void finish(Progress& progress) {
        top->s_axis_weights_tvalid = 0;
        top->s_axis_activations_tvalid = 0;
        top->m_axis_results_tready = 0;
        observe(progress);
        for (int64_t cycle = 0; cycle < stimulus.check_latency; ++cycle) {
            fall();
            rise();
        }
        progress.error_status = top->error_status;
        progress.untaken = !weights.done() + !visits.done();
    }

    void read_counters(int64_t* counters) const {
        const int64_t now[COUNTERS] = {WEFT_COUNTERS(top)};
        std::memcpy(counters, now, sizeof now);
    }

    void fall() {
        top->aclk = 0;
        top->eval();
    }

    void rise() {
        top->aclk = 1;
        top->eval();
    }

    // Writes the first (0) or second half of a cycle to the trace.
    void show(int64_t cycle, int half) {
        if (cycle < stimulus.trace_start || cycle >= stimulus.trace_stop) return;
        trace.show(cycle, half, [this] { top->eval(); });
    }

    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
    Trace trace;
    Stimulus stimulus{};
    Cursor<Tile> weights;
    Cursor<Rows> results;
    Cursor<Visit> visits;
    Offer weight_offer, activation_offer;
    int64_t still = 0;  // cycles since the last transfer, without those that the host stalled
    bool waiting = false, waiting_end = false;
    std::vector<uint8_t> waiting_row;
    int64_t before[COUNTERS]{};
};

}  // namespace

// An exception that leaves this function would end the process.
EXPORT int weft_open(Driver** driver) {
    try {
        *driver = new Driver;
        return true;
    } catch (const std::exception&) {
        return false;
    }
}
EXPORT void weft_close(Driver* driver) { delete driver; }
EXPORT void weft_reset(Driver* driver) { driver->reset(); }
EXPORT void weft_start(Driver* driver, const Stimulus* stimulus, Progress* progress) {
    driver->start(*stimulus, *progress);
}
EXPORT void weft_run(Driver* driver, Progress* progress, int64_t cycles) {
    driver->run(*progress, cycles);
}
EXPORT int weft_open_trace(Driver* driver, const char* path) { return driver->open_trace(path); }
EXPORT int weft_close_trace(Driver* driver) { return driver->close_trace(); }
