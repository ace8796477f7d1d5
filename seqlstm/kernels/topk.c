/* The k highest scores of each row, the highest first, equal ones in the order of their indices. */
#include <stdint.h>

#define BLOCK 64  /* scores that are skipped together if none is among the k highest */

static inline int any_above(const float *scores, float bound) {
    int above = 0;
#pragma omp simd reduction(| : above)
    for (int index = 0; index < BLOCK; index++) above |= scores[index] > bound;
    return above;
}

/* Insert a score into the sorted values; the value at index `last` is dropped. */
static inline void insert(
    float score, int64_t index, long last, float *values, int64_t *indices) {
    long at = last;
    for (; at > 0 && values[at - 1] < score; at--) {
        values[at] = values[at - 1];
        indices[at] = indices[at - 1];
    }
    values[at] = score;
    indices[at] = index;
}

static void topk_of_row(
    long columns, long k, const float *scores, float *values, int64_t *indices) {
    for (long column = 0; column < k; column++)
        insert(scores[column], column, column, values, indices);
    for (long start = k; start < columns; start += BLOCK) {
        const long end = columns - start < BLOCK ? columns : start + BLOCK;
        if (end - start == BLOCK && !any_above(scores + start, values[k - 1])) continue;
        for (long column = start; column < end; column++)
            if (scores[column] > values[k - 1])
                insert(scores[column], column, k - 1, values, indices);
    }
}

/* Scores (rows, columns) to values and indices (rows, k), with 0 < k <= columns. */
void topk(
    long rows, long columns, long k, const float *scores, float *values, int64_t *indices,
    long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < rows; row++)
        topk_of_row(columns, k, scores + row * columns, values + row * k, indices + row * k);
}
