// A CXXRTL model as a program that cocotb drives, with the order of events of Verilog.
//
// The event loop of cxxrtl-vpi reports a clock edge to cocotb after the flip-flops have changed. In
// Verilog, and in the benches of Weft, a coroutine that waits for an edge sees the values that a
// flip-flop samples at that edge. This loop replaces the original one. It includes the source of
// cxxrtl-vpi because it needs its lists of callbacks.

#include "vpi_provider.cc"

extern "C" void vlog_startup_routines_bootstrap(void);

// Runs the callbacks on inputs first, then the flip-flops. A step ends with the flip-flops; the next
// step shows their effects.
static void take_inputs() {
    fire_value_cbs();
    g_model->step();
    settle();
}

// Repeats until there are no more writes; a write at an edge takes effect after that edge.
static void take_writes() {
    take_inputs();
    while (!g_rw.empty()) {
        fire_oneshot(g_rw);
        take_inputs();
    }
}

int main() {
    cxxrtl_vpi::Model model;
    model.create();
    if (const char *top = std::getenv("COCOTB_TOPLEVEL")) model.set_top_name(top);
    cxxrtl_vpi::vpi_provider_bind(&model);
    vlog_startup_routines_bootstrap();

    fire_oneshot(g_startsim);
    take_writes();
    while (!g_finished) {
        fire_oneshot(g_ro);
        uint64_t next = next_deadline();
        if (next == NO_DEADLINE) break;
        g_time = next;
        fire_oneshot(g_nextsim);
        fire_timed_due();
        take_writes();
    }
    fire_oneshot(g_endsim);
    return 0;
}
