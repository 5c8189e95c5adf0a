// Drives an emitted matrix unit, built by Verilator as class Unit, from the arrays of its host.
//
// Each cycle: inputs are set, the clock falls, what a flip-flop would sample is read, and the clock
// rises. Lanes are copied as the bytes that they are, little endian.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "Unit.h"
#include "unit_settings.h"
#include "verilated.h"
#ifdef WEFT_TRACE
#include "verilated_vcd_c.h"
#endif

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "lanes are copied as little endian bytes");

#define EXPORT extern "C" __attribute__((visibility("default")))

constexpr int COUNTERS = WEFT_COUNTER_COUNT;
constexpr int RESET_CYCLES = WEFT_RESET_CYCLES;

// The structures below are those of native_driver.py, all of 64-bit words.

// Rows of lanes in an array: the first one, bytes from one to the next, and how many. `end`: the
// last of them bears tlast.
struct Rows {
    uint8_t* data;
    int64_t stride;
    int64_t count;
    int64_t end;
};

// Activation rows with one control: tuser of the first row, of those after it, and what every row
// adds to it.
struct Visit {
    Rows rows;
    int64_t first_tuser;
    int64_t tuser;
    int64_t tuser_step;
};

// What is fed and where results go. Stalls are cyclic lists: idle cycles before each transfer, and
// whether results are taken in a cycle; none if `stall_period` is 0. `patience`: cycles without any
// transfer and without a stall by the host, after which the unit hangs. `aftermath`: cycles that the
// unit is watched after the last result. `check_latency`: cycles from then on until the error status
// is read. In a unit made for it, the stored bit of number `fault_bit` flips at the end of cycle
// `fault_cycle`.
struct Stimulus {
    const Rows* weights;
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
    int64_t wrong_ends;  // results whose tlast is not what it should be
    int64_t error_status;
    int64_t counters[COUNTERS];
    int64_t done_after;       // cycles up to the last result that was awaited
    int64_t further_results;  // that nobody awaited
    int64_t broken_waits;     // results that were withdrawn or changed before they were taken
    int64_t untaken;          // streams whose rows were not all taken in the end
};

namespace {

const Rows& rows_of(const Rows& rows) { return rows; }
const Rows& rows_of(const Visit& visit) { return visit.rows; }

// A place in a list of groups of rows.
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

// Whether a stream offers its transfer in this cycle: after its gap, until it takes place.
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
    bool in_this_cycle() { return gap == 0 || gap-- == 0; }

private:
    const uint8_t* gaps = nullptr;
    int64_t period = 0, at = 0, gap = 0;
};

#ifdef WEFT_TRACE
// A file that records whether all writes succeeded. Verilator's own file ends the process when the
// disk is full.
class TraceFile : public VerilatedVcdFile {
public:
    ssize_t write(const char* data, ssize_t size) override {
        const ssize_t written = VerilatedVcdFile::write(data, size);
        if (written >= 0 || errno == EAGAIN || errno == EINTR) return written;
        whole = false;
        return size;
    }

    bool whole = true;
};

struct Trace {
    TraceFile file;
    VerilatedVcdC writer{&file};
};
#endif

class Driver {
public:
    Driver() : context(std::make_unique<VerilatedContext>()) {
        // Otherwise a pool of threads is started, which a model of one thread has no use for.
        context->threads(1);
        enter();
#ifdef WEFT_TRACE
        context->traceEverOn(true);
#endif
        top = std::make_unique<Unit>(context.get(), "");
    }

    ~Driver() {
        enter();
        close_trace();
        top->final();
    }

    // Verilator keeps a context for each thread: it is to be this one, whichever thread calls.
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
        if (progress.status == WORKING) look(progress);
    }

    bool open_trace(const char* path) {
#ifdef WEFT_TRACE
        enter();
        trace = std::make_unique<Trace>();
        top->trace(&trace->writer, 99);
        trace->writer.open(path);
        return trace->writer.isOpen();
#else
        (void)path;
        return false;
#endif
    }

    // Returns whether the whole trace was written.
    bool close_trace() {
        bool whole = true;
#ifdef WEFT_TRACE
        if (trace) {
            trace->writer.close();
            whole = trace->file.whole;
        }
        trace.reset();
#endif
        return whole;
    }

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
            std::memcpy(&top->s_axis_weights_tdata, weights.data(), stimulus.weight_bytes);
            top->s_axis_weights_tlast = weights.at_last_row();
        }
        top->s_axis_activations_tvalid = !visits.done() && activation_offer.in_this_cycle();
        if (top->s_axis_activations_tvalid) {
            const Visit& visit = *visits.group;
            std::memcpy(&top->s_axis_activations_tdata, visits.data(), stimulus.activation_bytes);
            top->s_axis_activations_tuser = (visits.row ? visit.tuser : visit.first_tuser)
                                            + visits.row * visit.tuser_step;
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

    // A result that is offered stays as it is until it is taken.
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

    // Flips a stored bit at the edge that ends this cycle, or no longer.
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

    // What the unit tells at this time.
    void look(Progress& progress) const {
        read_counters(progress.counters);
        for (int i = 0; i < COUNTERS; ++i) {
            progress.counters[i] = uint32_t(progress.counters[i] - before[i]);
        }
        progress.error_status = top->error_status;
    }

    void finish(Progress& progress) {
        top->s_axis_weights_tvalid = 0;
        top->s_axis_activations_tvalid = 0;
        top->m_axis_results_tready = 0;
        look(progress);
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
#ifdef WEFT_TRACE
        if (!trace || cycle < stimulus.trace_start || cycle >= stimulus.trace_stop) return;
        if (half == 0) top->eval();
        trace->writer.dump(uint64_t(2 * cycle + half) * (WEFT_PERIOD / 2));
#else
        (void)cycle;
        (void)half;
#endif
    }

    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Unit> top;
#ifdef WEFT_TRACE
    std::unique_ptr<Trace> trace;
#endif
    Stimulus stimulus{};
    Cursor<Rows> weights, results;
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
