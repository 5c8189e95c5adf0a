// The trace of a model that Verilator has built, as a VCD file; without WEFT_TRACE, none can be written.

#pragma once

#include <cerrno>
#include <cstdint>
#include <memory>

#ifdef WEFT_TRACE
#include "verilated_vcd_c.h"

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
#endif

class Trace {
public:
    template <typename Top>
    bool open(Top& top, const char* path) {
#ifdef WEFT_TRACE
        out = std::make_unique<Output>();
        top.trace(&out->writer, 99);
        out->writer.open(path);
        return out->writer.isOpen();
#else
        (void)top;
        (void)path;
        return false;
#endif
    }

    // Returns whether the whole trace was written.
    bool close() {
        bool whole = true;
#ifdef WEFT_TRACE
        if (out) {
            out->writer.close();
            whole = out->file.whole;
        }
        out.reset();
#endif
        return whole;
    }

    // Writes the first (0) or second half of a cycle; `settle` makes the first half up to date.
    template <typename Settle>
    void show(int64_t cycle, int half, Settle settle) {
#ifdef WEFT_TRACE
        if (!out) return;
        if (half == 0) settle();
        out->writer.dump(uint64_t(2 * cycle + half) * (WEFT_PERIOD / 2));
#else
        (void)cycle;
        (void)half;
        (void)settle;
#endif
    }

private:
#ifdef WEFT_TRACE
    struct Output {
        TraceFile file;
        VerilatedVcdC writer{&file};
    };
    std::unique_ptr<Output> out;
#endif
};
