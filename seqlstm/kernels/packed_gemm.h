/* Products of rows with a packed matrix; REAL is the type of sums, PRODUCT that of factors. A packed
 * matrix is a sequence of panels of WIDTH columns. A panel has, for each PAIR of rows one after the
 * other, the pairs of all its columns. To be included after scalar_math.h. */
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#define LANES (BYTES / (int)sizeof(REAL))
#define WIDTH (2 * LANES)                             /* columns of a panel */
#define PAIR ((int)(sizeof(REAL) / sizeof(PRODUCT)))  /* elements of a column side by side */
#define ROWS 8                                        /* rows of a block */

_Static_assert(PAIR == 1 || (PAIR == 2 && sizeof(PRODUCT) == 2), "pairs are of bfloat16");

typedef REAL vector __attribute__((vector_size(BYTES), aligned(sizeof(REAL))));

const long panel_width = WIDTH, panel_pair = PAIR;

static inline long smaller(long a, long b) { return a < b ? a : b; }
static inline long round_up(long n, long multiple) { return (n + multiple - 1) / multiple * multiple; }

/* sum + PAIR factors of `left` times those of every column of `right`. */
static inline __attribute__((always_inline)) vector multiply_add(
    vector sum, const PRODUCT *left, const PRODUCT *right) {
    if (PAIR == 1) {
        vector column;
        memcpy(&column, right, BYTES);
        return sum + column * READ(*left);
    }
    uint32_t pair;
    memcpy(&pair, left, 4);
#ifdef __AVX512BF16__
    const __m512i columns = _mm512_loadu_si512(right);
    return (vector)_mm512_dpbf16_ps(
        (__m512)sum, (__m512bh)_mm512_set1_epi32((int)pair), (__m512bh)columns);
#else
    for (int lane = 0; lane < LANES; lane++) {
        sum[lane] += from_bfloat16(pair & 0xffff) * from_bfloat16(right[2 * lane]);
        sum[lane] += from_bfloat16(pair >> 16) * from_bfloat16(right[2 * lane + 1]);
    }
    return sum;
#endif
}

/* sums += some rows of the left matrix · a panel. `row_step` and `pair_step` are the strides of the
 * rows and of the pairs of the left matrix, in elements. */
static inline __attribute__((always_inline)) void sum_block(
    const int rows, const PRODUCT *left, long row_step, long pair_step, const PRODUCT *panel,
    long depth, vector sums[ROWS][2]) {
    for (long k = 0; k < depth; k += PAIR, left += pair_step, panel += WIDTH * PAIR) {
#pragma GCC unroll 8
        for (int row = 0; row < rows; row++) {
            const PRODUCT *factor = left + row * row_step;
            sums[row][0] = multiply_add(sums[row][0], factor, panel);
            sums[row][1] = multiply_add(sums[row][1], factor, panel + LANES * PAIR);
        }
    }
}

/* result (rows, columns) = rows of the left matrix · a panel. */
static inline __attribute__((always_inline)) void multiply_block(
    const int rows, const PRODUCT *left, long left_stride, const PRODUCT *panel, long depth,
    REAL *result, long result_stride, long columns) {
    vector sums[ROWS][2] = {0};
    sum_block(rows, left, left_stride, PAIR, panel, depth, sums);
#pragma GCC unroll 8
    for (int row = 0; row < rows; row++) {
        const vector values[2] = {sums[row][0], sums[row][1]};
        REAL *to = result + row * result_stride;
        if (columns == WIDTH) memcpy(to, values, sizeof(values));
        else memcpy(to, values, columns * sizeof(REAL));
    }
}

/* MULTIPLY(n) with the number of rows as a constant; at most ROWS. */
#define WITH_ROWS(n, MULTIPLY)           \
    switch (n) {                         \
        case 1: MULTIPLY(1); break;      \
        case 2: MULTIPLY(2); break;      \
        case 3: MULTIPLY(3); break;      \
        case 4: MULTIPLY(4); break;      \
        case 5: MULTIPLY(5); break;      \
        case 6: MULTIPLY(6); break;      \
        case 7: MULTIPLY(7); break;      \
        default: MULTIPLY(ROWS);         \
    }

/* result (rows, columns) = left (rows, depth) · matrix, packed and padded with zeros to whole panels
 * and whole pairs. */
static void multiply(
    long rows, long columns, long depth, const PRODUCT *left, long left_stride,
    const PRODUCT *panels, REAL *result, long result_stride) {
    for (long column = 0; column < columns; column += WIDTH, panels += WIDTH * depth) {
        const long wide = smaller(WIDTH, columns - column);
        for (long row = 0; row < rows; row += ROWS) {
            const PRODUCT *block = left + row * left_stride;
            REAL *out = result + row * result_stride + column;
#define MULTIPLY(n) multiply_block(n, block, left_stride, panels, depth, out, result_stride, wide)
            WITH_ROWS(rows - row, MULTIPLY)
#undef MULTIPLY
        }
    }
}
