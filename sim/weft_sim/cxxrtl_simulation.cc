// A CXXRTL model as a program that cocotb drives, with the order of events that Verilog has.
//
// cxxrtl-vpi's own loop tells cocotb of a clock's edge after the flip-flops have taken it. In
// Verilog, and in Weft's benches, whoever waits for an edge sees what a flip-flop samples there.
// So this loop is in the place of theirs; it is of the same file, since it needs its lists.

#include "vpi_provider.cc"

extern "C" void vlog_startup_routines_bootstrap(void);

// Watchers of the inputs first, then the flip-flops. A step ends with them; the next one shows what
// follows from them.
static void take_inputs() {
    fire_value_cbs();
    g_model->step();
    settle();
}

// Until nobody writes any more; what is written at an edge takes effect after it.
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
