/* Matrix products with many rows (GEMM), and products of batches of small matrices (BMM), in bfloat16
 * with sums in float, on all threads.
 *
 * A line is a row of the left matrix or a column of the right one; it has `depth` elements. The lines
 * of a matrix are contiguous, or, if it is `transposed`, the n-th elements of all lines are. The right
 * matrix is packed into panels. The left one is divided into tiles; a tile stays in a core's cache
 * while it is multiplied by all panels. A transposed left matrix is packed too.
 *
 * A result has two pointers, of which one is null: `exact` in float, `rounded` in bfloat16.
 */
#include <omp.h>

#define REAL float
#define PRODUCT bfloat16

#include "scalar_math.h"
#include "packed_gemm.h"

#define TILE (1 << 17)  /* elements of a tile: 256 KB */
#define MAX_ROWS 256    /* of a tile */
#define MIN_ROWS 16     /* of a tile, whatever the depth */
#define AHEAD 32        /* distance of prefetching along the depth, in elements */
#define CHUNK 128       /* elements of a line that are packed at a time, for the cache */

_Static_assert(PAIR == 2, "packs pairs");

const long tile_size = TILE, min_tile_rows = MIN_ROWS;

typedef PRODUCT eight __attribute__((vector_size(16), aligned(2)));
static const PRODUCT zeros[MAX_ROWS];

/* Pack at most `width` lines; see packed_gemm.h. */
static inline __attribute__((always_inline)) void pack_lines(
    const PRODUCT *from, long stride, long lines, long depth, const int width, PRODUCT *to) {
    const long even = depth / PAIR * PAIR;
    for (long start = 0; start < even; start += CHUNK)
        for (long line = 0; line < lines; line++)
            for (long k = start; k < smaller(even, start + CHUNK); k += PAIR)
                memcpy(to + k * width + line * PAIR, from + line * stride + k,
                       PAIR * sizeof(PRODUCT));
    if (even == depth) return;
    for (long line = 0; line < lines; line++) {
        to[even * width + line * PAIR] = from[line * stride + even];
        to[even * width + line * PAIR + 1] = 0;
    }
}

/* Pack at most MAX_ROWS transposed lines into blocks of `width` lines. The sum of each line is added
 * to `sums`, unless that is null. */
static inline __attribute__((always_inline)) void pack_transposed(
    const PRODUCT *from, long stride, long lines, long depth, const int width, PRODUCT *to,
    REAL *sums) {
    const long deep = round_up(depth, PAIR);
    for (long k = 0; k < depth; k += PAIR) {
        const PRODUCT *even = from + k * stride, *odd = k + 1 < depth ? even + stride : zeros;
        if (k + AHEAD + 1 < depth)
            for (long line = 0; line < lines; line += 64 / (long)sizeof(PRODUCT)) {
                __builtin_prefetch(even + AHEAD * stride + line);
                __builtin_prefetch(even + (AHEAD + 1) * stride + line);
            }
        PRODUCT *out = to + k * width;
        long line = 0;
        for (; line + width <= lines; line += width, out += width * deep)
            for (int part = 0; part < width; part += 8) {
                eight first, second;
                memcpy(&first, even + line + part, sizeof(first));
                memcpy(&second, odd + line + part, sizeof(second));
                const eight pairs[2] = {
                    __builtin_shuffle(first, second, (eight){0, 8, 1, 9, 2, 10, 3, 11}),
                    __builtin_shuffle(first, second, (eight){4, 12, 5, 13, 6, 14, 7, 15})};
                memcpy(out + part * PAIR, pairs, sizeof(pairs));
            }
        for (int rest = 0; line < lines; rest++, line++) {
            out[rest * PAIR] = even[line];
            out[rest * PAIR + 1] = odd[line];
        }
        if (sums)
            for (line = 0; line < lines; line++)
                sums[line] += READ(even[line]) + READ(odd[line]);
    }
}

/* result (rows, columns) = rows of the left matrix · a panel + bias. */
static inline __attribute__((always_inline)) void gemm_block(
    const int rows, const PRODUCT *left, long row_step, long pair_step, const PRODUCT *panel,
    long depth, const REAL *bias, REAL *exact, PRODUCT *rounded, long stride, long columns) {
    vector sums[ROWS][2] = {0};
    sum_block(rows, left, row_step, pair_step, panel, depth, sums);
#pragma GCC unroll 8
    for (int row = 0; row < rows; row++) {
        vector values[2], biases[2];
        memcpy(biases, bias, sizeof(biases));
        for (int half = 0; half < 2; half++) values[half] = sums[row][half] + biases[half];
        if (exact) {
            if (columns == WIDTH) memcpy(exact + row * stride, values, sizeof(values));
            else memcpy(exact + row * stride, values, columns * sizeof(REAL));
        } else {
            const __m512bh halves = _mm512_cvtne2ps_pbh((__m512)values[1], (__m512)values[0]);
            if (columns == WIDTH) memcpy(rounded + row * stride, &halves, sizeof(halves));
            else memcpy(rounded + row * stride, &halves, columns * sizeof(PRODUCT));
        }
    }
}

/* A tile times all panels; `columns` is the stride of the result's rows. */
static inline __attribute__((always_inline)) void gemm_tile(
    const int packed, long rows, long columns, long depth, const PRODUCT *left, long stride,
    const PRODUCT *panels, const REAL *bias, REAL *exact, PRODUCT *rounded) {
    const long row_step = packed ? PAIR : stride, pair_step = packed ? ROWS * PAIR : PAIR;
    for (long column = 0; column < columns; column += WIDTH, panels += WIDTH * depth) {
        const long wide = smaller(WIDTH, columns - column);
        REAL biases[WIDTH] = {0};
        if (bias) memcpy(biases, bias + column, wide * sizeof(REAL));
        for (long row = 0; row < rows; row += ROWS) {
            const PRODUCT *block = left + row * (packed ? depth : stride);
            const long place = row * columns + column;
            REAL *floats = exact ? exact + place : 0;
            PRODUCT *halves = exact ? 0 : rounded + place;
#define MULTIPLY(n) gemm_block(n, block, row_step, pair_step, panels, depth, biases, floats, \
                               halves, columns, wide)
            WITH_ROWS(rows - row, MULTIPLY)
#undef MULTIPLY
        }
    }
}

/* The rows of a tile: as many as fit into the cache, so that all threads have as many tiles. */
static long tile_rows(long rows, long depth, long threads) {
    const long fit = smaller(MAX_ROWS, TILE / depth / ROWS * ROWS);
    const long full = fit < MIN_ROWS ? MIN_ROWS : fit;
    const long tiles = round_up((rows + full - 1) / full, threads);
    return round_up((rows + tiles - 1) / tiles, ROWS);
}

/* Pack lines into panels; the last panel has undefined values where there is no line. */
void pack(
    long lines, long depth, const PRODUCT *matrix, long stride, int transposed, PRODUCT *panels,
    long threads) {
    const long deep = round_up(depth, PAIR);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long line = 0; line < lines; line += WIDTH) {
        const long count = smaller(WIDTH, lines - line);
        if (transposed)
            pack_transposed(matrix + line, stride, count, depth, WIDTH, panels + line * deep, 0);
        else
            pack_lines(matrix + line * stride, stride, count, depth, WIDTH, panels + line * deep);
    }
}

/* result (rows, columns) = left · right + bias. The right matrix is packed; `bias` may be null. The
 * depth of a left matrix that is not transposed must be even. If `sums` is not null, it is overwritten
 * with the sums of the lines of a transposed left matrix. */
void gemm(
    long rows, long columns, long depth, const PRODUCT *left, long stride, int transposed,
    const PRODUCT *panels, const REAL *bias, REAL *exact, PRODUCT *rounded, REAL *sums,
    PRODUCT *scratch, long threads) {
    const long deep = round_up(depth, PAIR), tile = tile_rows(rows, deep, threads);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (long row = 0; row < rows; row += tile) {
        const long lines = smaller(tile, rows - row);
        REAL *floats = exact ? exact + row * columns : 0;
        PRODUCT *halves = exact ? 0 : rounded + row * columns;
        if (transposed) {
            PRODUCT *packed = scratch + omp_get_thread_num() * tile * deep;
            REAL *line_sums = sums ? sums + row : 0;
            if (sums) memset(line_sums, 0, lines * sizeof(REAL));
            pack_transposed(left + row, stride, lines, depth, ROWS, packed, line_sums);
            gemm_tile(1, lines, columns, deep, packed, 0, panels, bias, floats, halves);
        } else
            gemm_tile(0, lines, columns, deep, left + row * stride, stride, panels, bias,
                      floats, halves);
    }
}

/* A batch of matrices with two leading axes. */
typedef struct {
    const PRODUCT *data;
    long outer, inner;  /* strides of the two leading axes */
    long stride;        /* of lines; if transposed, of the elements of a line */
    long transposed;
} Matrices;

/* Pack any number of lines into blocks of `width` lines. */
static inline __attribute__((always_inline)) void pack_blocks(
    const Matrices *batch, const PRODUCT *from, long lines, long depth, const int width,
    PRODUCT *to) {
    const long deep = round_up(depth, PAIR);
    if (batch->transposed)
        for (long line = 0; line < lines; line += MAX_ROWS)
            pack_transposed(from + line, batch->stride, smaller(MAX_ROWS, lines - line), depth, width,
                        to + line * deep, 0);
    else
        for (long line = 0; line < lines; line += width)
            pack_lines(from + line * batch->stride, batch->stride, smaller(width, lines - line), depth,
                       width, to + line * deep);
}

/* The scratch memory of a thread of `bmm`, in elements. */
long bmm_scratch(long rows, long columns, long depth) {
    return (round_up(rows, ROWS) + round_up(columns, WIDTH)) * round_up(depth, PAIR);
}

/* result (outer, inner, rows, columns) = left · right for each pair of matrices. */
void bmm(
    long outer, long inner, long rows, long columns, long depth, const Matrices *left,
    const Matrices *right, REAL *exact, PRODUCT *rounded, PRODUCT *scratch, long threads) {
    const long deep = round_up(depth, PAIR), size = rows * columns;
    const int packs = left->transposed || deep != depth;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long pair = 0; pair < outer * inner; pair++) {
        const long out = pair / inner, in = pair % inner;
        const PRODUCT *a = left->data + out * left->outer + in * left->inner;
        const PRODUCT *b = right->data + out * right->outer + in * right->inner;
        PRODUCT *panels = scratch + omp_get_thread_num() * bmm_scratch(rows, columns, depth);
        PRODUCT *tile = panels + round_up(columns, WIDTH) * deep;
        REAL *floats = exact ? exact + pair * size : 0;
        PRODUCT *halves = exact ? 0 : rounded + pair * size;
        pack_blocks(right, b, columns, depth, WIDTH, panels);
        if (packs) {
            pack_blocks(left, a, rows, depth, ROWS, tile);
            gemm_tile(1, rows, columns, deep, tile, 0, panels, 0, floats, halves);
        } else
            gemm_tile(0, rows, columns, deep, a, left->stride, panels, 0, floats, halves);
    }
}
