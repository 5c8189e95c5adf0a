// The arithmetic of FloatCell and FloatAdder in C++; see hw/weft/array/float_cell.py.
#pragma once
#include <cstdint>
#include <cstring>

static inline double weft_double_of(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline uint64_t weft_bits_of(double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

// A normalized bfloat16: fraction [6:0], exponent [15:7], sign [16]; see NormalizedFloat.
static inline double weft_normalized(uint32_t operand) {
    const uint64_t exponent = operand >> 7 & 511, fraction = operand & 127;
    const uint64_t sign = (uint64_t)(operand >> 16) << 63;
    const uint64_t finite = (exponent + 1023 - 134) << 52, special = (uint64_t)0x7FF << 52;
    const uint64_t high = exponent == 511 ? special : exponent == 0 ? 0 : finite;
    return weft_double_of(sign | high | fraction << 45);
}

// The bits of the product, which is exact in double precision.
static inline uint64_t weft_product(uint32_t first, uint32_t second) {
    return weft_bits_of(weft_normalized(first) * weft_normalized(second));
}

// A float32 and a product, given as bits, added and rounded to float32; there is one NaN. Their sum
// is rounded to double precision first, which changes nothing: see weft_model/chained.py.
static inline uint32_t weft_float_add(uint32_t total, uint64_t product) {
    float start;
    memcpy(&start, &total, sizeof start);
    const float sum = (float)((double)start + weft_double_of(product));
    uint32_t code;
    memcpy(&code, &sum, sizeof code);
    return sum == sum ? code : 0x7FC00000;
}
