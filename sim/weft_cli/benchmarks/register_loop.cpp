// The cells of an array as plain C++: every register of every cell, updated in every cycle.
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

// The registers of a row of cells.
struct Row {
    std::vector<int8_t> activations, shadows, weights, switches, loads;
    std::vector<int16_t> products;
    std::vector<int32_t> sums;
    // Columns that the latest switch and the latest load have not passed.
    int switching = 0, loading = 0;

    explicit Row(int columns)
        : activations(columns), shadows(columns), weights(columns), switches(columns),
          loads(columns), products(columns), sums(columns) {}
};

void pass_east(std::vector<int8_t>& cells, int8_t west) {
    std::memmove(cells.data() + 1, cells.data(), cells.size() - 1);
    cells[0] = west;
}

void select(int8_t* __restrict old, const int8_t* __restrict enables,
            const int8_t* __restrict fresh, int columns) {
    for (int c = 0; c < columns; ++c) old[c] = enables[c] ? fresh[c] : old[c];
}

void add(int32_t* __restrict sums, const int32_t* __restrict north,
         const int16_t* __restrict products, int columns) {
    for (int c = 0; c < columns; ++c) sums[c] = north[c] + products[c];
}

void multiply(int16_t* __restrict products, const int8_t* __restrict activations,
              const int8_t* __restrict weights, int columns) {
    for (int c = 0; c < columns; ++c) products[c] = int16_t(activations[c] * weights[c]);
}

}  // namespace

// Inputs at the west, one per row and cycle: activations, switches, loads. At the north, one per
// column and cycle: weights. At the south: sums. All are (cycles x rows) or (cycles x columns).
extern "C" void register_loop(int rows, int columns, int64_t cycles, const int8_t* activations,
                              const int8_t* switches, const int8_t* loads, const int8_t* weights,
                              int32_t* sums) {
    std::vector<Row> array(rows, Row(columns));
    const std::vector<int32_t> zeros(columns);
    for (int64_t t = 0; t < cycles; ++t) {
        // A row reads the old values of the row above, so it comes first.
        for (int r = rows - 1; r >= 0; --r) {
            Row& row = array[r];
            const int32_t* sums_north = r ? array[r - 1].sums.data() : zeros.data();
            const int8_t* weights_north = r ? array[r - 1].shadows.data() : weights;
            add(row.sums.data(), sums_north, row.products.data(), columns);
            multiply(row.products.data(), row.activations.data(), row.weights.data(), columns);
            pass_east(row.activations, activations[r]);
            if (switches[r]) row.switching = columns + 1;
            if (row.switching) {
                --row.switching;
                pass_east(row.switches, switches[r]);
                select(row.weights.data(), row.switches.data(), row.shadows.data(), columns);
            }
            if (loads[r]) row.loading = columns + 1;
            if (row.loading) {
                --row.loading;
                pass_east(row.loads, loads[r]);
                select(row.shadows.data(), row.loads.data(), weights_north, columns);
            }
        }
        std::memcpy(sums, array[rows - 1].sums.data(), columns * sizeof(int32_t));
        activations += rows, switches += rows, loads += rows;
        weights += columns, sums += columns;
    }
}
