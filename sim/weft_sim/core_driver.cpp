// Drives an emitted core, built by Verilator as class Vtop: a host on its AXI4-Lite port, and a memory
// on its AXI4 port.
//
// In each cycle, the driver sets the inputs, lowers the clock, reads the values that a flip-flop would
// sample, and raises the clock. Data are copied as little-endian bytes.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>

#include "Vtop.h"
#include "unit_settings.h"
#include "verilated.h"
#include "trace_file.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "data are copied as little endian bytes");

#define EXPORT extern "C" __attribute__((visibility("default")))

constexpr int RESET_CYCLES = WEFT_RESET_CYCLES;
constexpr int UNITS = WEFT_UNITS;
constexpr int64_t BEAT = WEFT_BEAT_BYTES;
constexpr int64_t PAGE = 4096;

// The structures below are those of core_driver.py, all of 64-bit words.

// Addresses from `base` on, and where their bytes are.
struct Segment {
    int64_t base;
    int64_t size;
    uint8_t* data;
};

// The memory. A beat is transferred no earlier than its `latency`, counted from the request, or for
// the answer to a write from its last beat; and no earlier than an interval after the beat before it.
// Intervals are in units of 2**-FRACTION cycles. With `jitter`, up to so many cycles come on top,
// drawn anew for each beat, and requests wait as often. Beats in the bytes from `fail_start` up to
// `fail_stop` are answered with an error. No read is answered after `answered_reads` beats.
struct Memory {
    const Segment* segments;
    int64_t segment_count;
    int64_t read_latency, read_interval;
    int64_t write_latency, write_interval;
    int64_t jitter, seed;
    int64_t fail_start, fail_stop;
    int64_t answered_reads;
};
constexpr int FRACTION = 16;

// An access of a register by the host. `response`: of AXI4-Lite, or -1 if there was none in time.
struct Access {
    int64_t write;
    int64_t address;
    int64_t value;
    int64_t response;
};
constexpr int ACCESS_CYCLES = 1000;

// A run. `events`: for each start and finish, cycle * 2 * UNITS + unit, plus UNITS for a finish.
// `interrupted`: the core raised its interrupt, in cycle `cycles` - 1. `broken`: rules of AXI that
// the core has broken, bits in the order of Rule.
struct Run {
    int64_t* events;
    int64_t event_capacity;
    int64_t event_count;
    int64_t cycles;
    int64_t interrupted;
    int64_t read_beats, write_beats;
    int64_t broken;
};

enum Rule { CROSSES_PAGE, WRONG_SIZE, WITHDRAWN, WRONG_LAST, NOT_READY, OUTSIDE };

namespace {

enum Response { OKAY = 0, SLVERR = 2, DECERR = 3 };

// `past`: it is of a program before the memory was changed.
struct Burst {
    int64_t address, beats, id, due;
    bool past = false;
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

    // Changes the memory; the core must be idle. Reads of a program that was ended are answered with
    // errors, which the core must ignore.
    void attach(const Memory& given) {
        for (Burst& burst : reads) burst.past = true;
        memory = given;
        random = uint64_t(given.seed) | 1;
        beats_answered = 0;
    }

    void reset() {
        enter();
        reads.clear();
        writes.clear();
        answers.clear();
        read_free = write_free = 0;
        now = 0;
        run = {};
        top->s_axil_awvalid = top->s_axil_wvalid = top->s_axil_arvalid = 0;
        top->s_axil_bready = top->s_axil_rready = 1;
        for (int cycle = 0; cycle <= RESET_CYCLES; ++cycle) {
            top->aresetn = cycle == RESET_CYCLES;
            top->m_axi_arready = top->m_axi_awready = top->m_axi_wready = 0;
            top->m_axi_rvalid = top->m_axi_bvalid = 0;
            clock(false);
            clock(true);
        }
    }

    void access(Access& wanted, Run& progress) {
        enter();
        run = progress;
        wanted.response = -1;
        if (wanted.write) {
            top->s_axil_awvalid = top->s_axil_wvalid = 1;
            top->s_axil_awaddr = wanted.address;
            top->s_axil_wdata = wanted.value;
            top->s_axil_wstrb = 15;
        } else {
            top->s_axil_arvalid = 1;
            top->s_axil_araddr = wanted.address;
        }
        for (int cycle = 0; cycle < ACCESS_CYCLES && wanted.response < 0; ++cycle) {
            step([&] {
                const bool aw = top->s_axil_awvalid && top->s_axil_awready;
                const bool w = top->s_axil_wvalid && top->s_axil_wready;
                const bool ar = top->s_axil_arvalid && top->s_axil_arready;
                if (wanted.write && top->s_axil_bvalid) wanted.response = top->s_axil_bresp;
                if (!wanted.write && top->s_axil_rvalid) {
                    wanted.response = top->s_axil_rresp;
                    wanted.value = top->s_axil_rdata;
                }
                return [this, aw, w, ar] {
                    if (aw) top->s_axil_awvalid = 0;
                    if (w) top->s_axil_wvalid = 0;
                    if (ar) top->s_axil_arvalid = 0;
                };
            });
        }
        progress = run;
    }

    // Runs until the interrupt, for at most so many cycles, or until there is no place for events.
    void advance(Run& progress, int64_t cycles) {
        enter();
        run = progress;
        for (; cycles > 0 && !run.interrupted && run.event_count + 2 * UNITS <= run.event_capacity;
             --cycles) {
            step([this] {
                run.interrupted = top->irq;
                return [] {};
            });
        }
        progress = run;
    }

    bool open_trace(const char* path) {
        enter();
        return trace.open(*top, path);
    }

    bool close_trace() { return trace.close(); }

private:
    // One cycle. `sample` reads the outputs before the edge and returns what to do after it.
    template <typename Sample>
    void step(Sample sample) {
        offer_reads();
        offer_writes();
        trace.show(now, 0, [this] { top->eval(); });
        clock(false);
        trace.show(now, 1, [] {});
        const auto after = sample();
        take_reads();
        take_writes();
        note_events();
        clock(true);
        after();
        ++now;
        run.cycles = now;
    }

    void offer_reads() {
        top->m_axi_arready = !stalls();
        const bool due = !reads.empty() && now >= std::max(reads.front().due, ceiling(read_free))
                         && beats_answered < memory.answered_reads;
        top->m_axi_rvalid = due;
        if (!due) return;
        const Burst& burst = reads.front();
        const uint8_t* bytes = burst.past ? nullptr : find(burst.address);
        top->m_axi_rid = burst.id;
        top->m_axi_rlast = burst.beats == 1;
        top->m_axi_rresp = burst.past ? SLVERR : response(burst.address, bytes);
        auto* data = reinterpret_cast<uint8_t*>(&top->m_axi_rdata);
        if (bytes) {
            std::memcpy(data, bytes, BEAT);
        } else {
            std::memset(data, 0, BEAT);
        }
    }

    void take_reads() {
        hold(held_read, top->m_axi_arvalid, top->m_axi_arready, top->m_axi_araddr, top->m_axi_arlen);
        if (top->m_axi_arvalid && top->m_axi_arready) {
            reads.push_back(burst_of(top->m_axi_araddr, top->m_axi_arlen, top->m_axi_arid,
                                     top->m_axi_arsize, top->m_axi_arburst));
            reads.back().due = now + memory.read_latency;
        }
        if (!top->m_axi_rvalid) return;
        if (!top->m_axi_rready) {
            note(NOT_READY);
            return;
        }
        const int64_t start = std::max(reads.front().due << FRACTION, read_free);
        read_free = start + memory.read_interval + (drawn() << FRACTION);
        ++beats_answered;
        ++run.read_beats;
        next_beat(reads);
    }

    void offer_writes() {
        top->m_axi_awready = !stalls();
        top->m_axi_wready = !writes.empty() && now >= ceiling(write_free);
        top->m_axi_bvalid = !answers.empty() && now >= answers.front().due;
        if (!top->m_axi_bvalid) return;
        top->m_axi_bresp = answers.front().beats;
    }

    void take_writes() {
        hold(held_write, top->m_axi_awvalid, top->m_axi_awready, top->m_axi_awaddr, top->m_axi_awlen);
        if (top->m_axi_bvalid) {
            if (!top->m_axi_bready) note(NOT_READY);
            else answers.pop_front();
        }
        if (top->m_axi_wvalid && top->m_axi_wready) take_beat();
        if (top->m_axi_awvalid && top->m_axi_awready) {
            writes.push_back(burst_of(top->m_axi_awaddr, top->m_axi_awlen, 0, top->m_axi_awsize,
                                      top->m_axi_awburst));
            // The worst response of the beats so far.
            writes.back().due = OKAY;
        }
    }

    void take_beat() {
        Burst& burst = writes.front();
        uint8_t* bytes = find(burst.address);
        const auto* data = reinterpret_cast<const uint8_t*>(&top->m_axi_wdata);
        const auto* strobes = reinterpret_cast<const uint8_t*>(&top->m_axi_wstrb);
        bool any = false;
        for (int64_t byte = 0; byte < BEAT; ++byte) {
            if (!(strobes[byte / 8] >> byte % 8 & 1)) continue;
            any = true;
            if (bytes) bytes[byte] = data[byte];
        }
        if (any) burst.due = std::max<int64_t>(burst.due, response(burst.address, bytes));
        if (bool(top->m_axi_wlast) != (burst.beats == 1)) note(WRONG_LAST);
        const int64_t start = std::max(now << FRACTION, write_free);
        write_free = start + memory.write_interval + (drawn() << FRACTION);
        ++run.write_beats;
        if (burst.beats == 1) {
            answers.push_back({0, burst.due, burst.id, now + memory.write_latency + drawn()});
        }
        next_beat(writes);
    }

    // Checks a request, and returns it with the address of its first beat.
    Burst burst_of(int64_t address, int64_t length, int64_t id, int size, int burst) {
        const int64_t beats = length + 1, first = address / BEAT * BEAT;
        if (first / PAGE != (first + beats * BEAT - 1) / PAGE) note(CROSSES_PAGE);
        if ((int64_t(1) << size) != BEAT || burst != 1) note(WRONG_SIZE);
        return {first, beats, id, 0, false};
    }

    static void next_beat(std::deque<Burst>& bursts) {
        bursts.front().address += BEAT;
        if (--bursts.front().beats == 0) bursts.pop_front();
    }

    // A request must stay until it is taken.
    struct Held {
        bool waits = false;
        uint64_t address = 0, length = 0;
    };
    void hold(Held& held, bool valid, bool ready, uint64_t address, uint64_t length) {
        if (held.waits && (!valid || address != held.address || length != held.length)) note(WITHDRAWN);
        held = {valid && !ready, address, length};
    }

    int64_t response(int64_t address, const uint8_t* bytes) {
        if (!bytes) {
            note(OUTSIDE);
            return DECERR;
        }
        const bool fails = address < memory.fail_stop && address + BEAT > memory.fail_start;
        return fails ? SLVERR : OKAY;
    }

    uint8_t* find(int64_t address) const {
        for (int64_t i = 0; i < memory.segment_count; ++i) {
            const Segment& segment = memory.segments[i];
            if (address >= segment.base && address + BEAT <= segment.base + segment.size) {
                return segment.data + (address - segment.base);
            }
        }
        return nullptr;
    }

    static int64_t ceiling(int64_t time) { return (time + (1 << FRACTION) - 1) >> FRACTION; }

    int64_t drawn() { return memory.jitter ? int64_t(next_random() % uint64_t(memory.jitter + 1)) : 0; }
    bool stalls() { return memory.jitter && next_random() % 4 == 0; }
    uint64_t next_random() {  // xorshift64* (Vigna, 2016)
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        return random * 0x2545F4914F6CDD1D >> 32;
    }

    void note(Rule rule) { run.broken |= int64_t(1) << rule; }

    void note_events() {
        const unsigned starts = top->unit_starts, finishes = top->unit_finishes;
        if (!(starts | finishes) || !run.events) return;
        for (int unit = 0; unit < 2 * UNITS; ++unit) {
            const unsigned bits = unit < UNITS ? starts : finishes;
            if (!(bits >> unit % UNITS & 1) || run.event_count == run.event_capacity) continue;
            run.events[run.event_count++] = now * 2 * UNITS + unit;
        }
    }

    void clock(bool level) {
        top->aclk = level;
        top->eval();
    }

    std::unique_ptr<VerilatedContext> context;
    std::unique_ptr<Vtop> top;
    Trace trace;
    Memory memory{};
    Run run{};
    std::deque<Burst> reads, writes, answers;
    Held held_read, held_write;
    // When the next beat can come, in units of 2**-FRACTION cycles.
    int64_t read_free = 0, write_free = 0;
    int64_t beats_answered = 0;
    int64_t now = 0;
    uint64_t random = 1;
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
EXPORT void weft_attach(Driver* driver, const Memory* memory) { driver->attach(*memory); }
EXPORT void weft_access(Driver* driver, Access* access, Run* run) { driver->access(*access, *run); }
EXPORT void weft_run(Driver* driver, Run* run, int64_t cycles) { driver->advance(*run, cycles); }
EXPORT int weft_open_trace(Driver* driver, const char* path) { return driver->open_trace(path); }
EXPORT int weft_close_trace(Driver* driver) { return driver->close_trace(); }
