/* The product of two matrices with many rows, or of many pairs of small ones, on all threads, in
 * bfloat16 with sums in float.
 *
 * It reads lines: the rows of the left matrix and the columns of the right one, all `depth` factors
 * long. A matrix holds its lines one after the other, or `across`: of every line the first factor, then
 * of every line the second, and so on. The right matrix is packed into panels. Of the left one a
 * thread takes tiles, each of which stays in its cache while all panels pass; one that lies across
 * is packed too.
 */
#include <omp.h>

#include "scalar_math.h"
#include "packed_gemm.h"

#define TILE (1 << 17)  /* factors of a tile: 256 KB */
#define HIGHEST 256     /* rows of a tile */
#define LOWEST 16       /* however long they are */
#define AHEAD 32        /* lines of memory to ask for early, where they lie far apart */
#define CHUNK 128       /* factors of a line at a time: what they are packed into stays in the cache */

_Static_assert(PAIR == 2, "packs pairs");

const long most = TILE, least_rows = LOWEST;

typedef PRODUCT eight __attribute__((vector_size(16), aligned(2)));
static const PRODUCT nothing[HIGHEST];

static inline long smaller(long one, long other) { return one < other ? one : other; }
static inline long whole(long number, long of) { return (number + of - 1) / of * of; }

/* A block of at most `width` lines, pair by pair, from lines one after the other. */
static inline __attribute__((always_inline)) void pack_along(
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

/* Blocks of `width` lines, pair by pair, from at most HIGHEST lines that lie across. Each line's sum
 * is added to `sums`, if there are any. */
static inline __attribute__((always_inline)) void pack_across(
    const PRODUCT *from, long stride, long lines, long depth, const int width, PRODUCT *to,
    REAL *sums) {
    const long deep = whole(depth, PAIR);
    for (long k = 0; k < depth; k += PAIR) {
        const PRODUCT *some = from + k * stride, *next = k + 1 < depth ? some + stride : nothing;
        if (k + AHEAD + 1 < depth)
            for (long line = 0; line < lines; line += 64 / (long)sizeof(PRODUCT)) {
                __builtin_prefetch(some + AHEAD * stride + line);
                __builtin_prefetch(some + (AHEAD + 1) * stride + line);
            }
        PRODUCT *out = to + k * width;
        long line = 0;
        for (; line + width <= lines; line += width, out += width * deep)
            for (int part = 0; part < width; part += 8) {
                eight first, second;
                memcpy(&first, some + line + part, sizeof(first));
                memcpy(&second, next + line + part, sizeof(second));
                const eight pairs[2] = {
                    __builtin_shuffle(first, second, (eight){0, 8, 1, 9, 2, 10, 3, 11}),
                    __builtin_shuffle(first, second, (eight){4, 12, 5, 13, 6, 14, 7, 15})};
                memcpy(out + part * PAIR, pairs, sizeof(pairs));
            }
        for (int one = 0; line < lines; one++, line++) {
            out[one * PAIR] = some[line];
            out[one * PAIR + 1] = next[line];
        }
        if (sums)
            for (line = 0; line < lines; line++)
                sums[line] += READ(some[line]) + READ(next[line]);
    }
}

/* Of the two results one is given. */
static inline __attribute__((always_inline)) void multiply_block(
    const int rows, const PRODUCT *left, long row_step, long pair_step, const PRODUCT *panel,
    long depth, const REAL *bias, REAL *exact, PRODUCT *rounded, long stride, long columns) {
    vector sums[ROWS][2] = {0};
    sum_block(rows, left, row_step, pair_step, panel, depth, sums);
#pragma GCC unroll 8
    for (int row = 0; row < rows; row++) {
        vector found[2], added[2];
        memcpy(added, bias, sizeof(added));
        for (int half = 0; half < 2; half++) found[half] = sums[row][half] + added[half];
        if (exact) {
            if (columns == WIDTH) memcpy(exact + row * stride, found, sizeof(found));
            else memcpy(exact + row * stride, found, columns * sizeof(REAL));
        } else {
            const __m512bh brief = _mm512_cvtne2ps_pbh((__m512)found[1], (__m512)found[0]);
            if (columns == WIDTH) memcpy(rounded + row * stride, &brief, sizeof(brief));
            else memcpy(rounded + row * stride, &brief, columns * sizeof(PRODUCT));
        }
    }
}

/* A tile by all panels; from a row's place in the results to the next one's it is `columns`. */
static inline __attribute__((always_inline)) void multiply_tile(
    const int packed, long rows, long columns, long depth, const PRODUCT *left, long stride,
    const PRODUCT *panels, const REAL *bias, REAL *exact, PRODUCT *rounded) {
    const long row_step = packed ? PAIR : stride, pair_step = packed ? ROWS * PAIR : PAIR;
    for (long column = 0; column < columns; column += WIDTH, panels += WIDTH * depth) {
        const long wide = smaller(WIDTH, columns - column);
        REAL added[WIDTH] = {0};
        if (bias) memcpy(added, bias + column, wide * sizeof(REAL));
        for (long row = 0; row < rows; row += ROWS) {
            const PRODUCT *some = left + row * (packed ? depth : stride);
            const long place = row * columns + column;
            REAL *floats = exact ? exact + place : 0;
            PRODUCT *brief = exact ? 0 : rounded + place;
            switch (rows - row) {
#define MULTIPLY(n) multiply_block(n, some, row_step, pair_step, panels, depth, added, floats, \
                                   brief, columns, wide)
#define FEW(n) case n: MULTIPLY(n); break;
                FEW(1) FEW(2) FEW(3) FEW(4) FEW(5) FEW(6) FEW(7)
                default: MULTIPLY(ROWS);
            }
        }
    }
}

/* Rows of a tile: as many as stay in the cache, and so many tiles that all threads have as much. */
static long tile_rows(long rows, long depth, long threads) {
    const long fit = smaller(HIGHEST, TILE / depth / ROWS * ROWS);
    const long full = fit < LOWEST ? LOWEST : fit;
    const long tiles = whole((rows + full - 1) / full, threads);
    return whole((rows + tiles - 1) / tiles, ROWS);
}

/* Lines to panels, of which the last one's missing columns stay as they are. */
void pack(
    long lines, long depth, const PRODUCT *matrix, long stride, int across, PRODUCT *panels,
    long threads) {
    const long deep = whole(depth, PAIR);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long line = 0; line < lines; line += WIDTH) {
        const long some = smaller(WIDTH, lines - line);
        if (across)
            pack_across(matrix + line, stride, some, depth, WIDTH, panels + line * deep, 0);
        else
            pack_along(matrix + line * stride, stride, some, depth, WIDTH, panels + line * deep);
    }
}

/* result (rows, columns) = left · right + bias, if there is one; exact or rounded, whichever is
 * given. Right lies in panels. Of a left matrix that lies across, `sums` gets the sums of its lines, if
 * it is given. Lines of the left one, one after the other, are an even number of factors long. */
void product(
    long rows, long columns, long depth, const PRODUCT *left, long stride, int across,
    const PRODUCT *panels, const REAL *bias, REAL *exact, PRODUCT *rounded, REAL *sums,
    PRODUCT *scratch, long threads) {
    const long deep = whole(depth, PAIR), tile = tile_rows(rows, deep, threads);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (long row = 0; row < rows; row += tile) {
        const long lines = smaller(tile, rows - row);
        REAL *floats = exact ? exact + row * columns : 0;
        PRODUCT *brief = exact ? 0 : rounded + row * columns;
        if (across) {
            PRODUCT *packed = scratch + omp_get_thread_num() * tile * deep;
            REAL *added = sums ? sums + row : 0;
            if (sums) memset(added, 0, lines * sizeof(REAL));
            pack_across(left + row, stride, lines, depth, ROWS, packed, added);
            multiply_tile(1, lines, columns, deep, packed, 0, panels, bias, floats, brief);
        } else
            multiply_tile(0, lines, columns, deep, left + row * stride, stride, panels, bias,
                          floats, brief);
    }
}

/* Many matrices: where their lines are. */
typedef struct {
    const PRODUCT *first;
    long outer, inner;  /* from one to the next, along two axes */
    long stride;        /* from a line to the next; across, from a factor */
    long across;
} Matrices;

/* Blocks of `width` lines, pair by pair. */
static inline __attribute__((always_inline)) void pack_blocks(
    const Matrices *all, const PRODUCT *from, long lines, long depth, const int width,
    PRODUCT *to) {
    const long deep = whole(depth, PAIR);
    if (all->across)
        for (long line = 0; line < lines; line += HIGHEST)
            pack_across(from + line, all->stride, smaller(HIGHEST, lines - line), depth, width,
                        to + line * deep, 0);
    else
        for (long line = 0; line < lines; line += width)
            pack_along(from + line * all->stride, all->stride, smaller(width, lines - line), depth,
                       width, to + line * deep);
}

/* Memory that a thread needs for `products`, in factors. */
long space(long rows, long columns, long depth) {
    return (whole(rows, ROWS) + whole(columns, WIDTH)) * whole(depth, PAIR);
}

/* results (outer, inner, rows, columns) = left · right of each pair; exact or rounded, whichever is
 * given. */
void products(
    long outer, long inner, long rows, long columns, long depth, const Matrices *left,
    const Matrices *right, REAL *exact, PRODUCT *rounded, PRODUCT *scratch, long threads) {
    const long deep = whole(depth, PAIR), size = rows * columns;
    const int packs = left->across || deep != depth;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long pair = 0; pair < outer * inner; pair++) {
        const long out = pair / inner, in = pair % inner;
        const PRODUCT *one = left->first + out * left->outer + in * left->inner;
        const PRODUCT *other = right->first + out * right->outer + in * right->inner;
        PRODUCT *panels = scratch + omp_get_thread_num() * space(rows, columns, depth);
        PRODUCT *tile = panels + whole(columns, WIDTH) * deep;
        REAL *floats = exact ? exact + pair * size : 0;
        PRODUCT *brief = exact ? 0 : rounded + pair * size;
        pack_blocks(right, other, columns, depth, WIDTH, panels);
        if (packs) {
            pack_blocks(left, one, rows, depth, ROWS, tile);
            multiply_tile(1, rows, columns, deep, tile, 0, panels, 0, floats, brief);
        } else
            multiply_tile(0, rows, columns, deep, one, left->stride, panels, 0, floats, brief);
    }
}
