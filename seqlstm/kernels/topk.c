/* The highest scores of each row, the highest first and equal ones in the order of their places. */
#include <stdint.h>

#define BLOCK 64  /* scores that are passed over at once where none is high enough */

static inline int holds_more(const float *scores, float bound) {
    int found = 0;
#pragma omp simd reduction(| : found)
    for (int place = 0; place < BLOCK; place++) found |= scores[place] > bound;
    return found;
}

/* Puts a score in its place among those that are found, of which the last may fall out. */
static inline void insert(
    float score, int64_t place, long last, float *values, int64_t *places) {
    long at = last;
    for (; at > 0 && values[at - 1] < score; at--) {
        values[at] = values[at - 1];
        places[at] = places[at - 1];
    }
    values[at] = score;
    places[at] = place;
}

static void leading_of_row(
    long columns, long amount, const float *scores, float *values, int64_t *places) {
    for (long column = 0; column < amount; column++)
        insert(scores[column], column, column, values, places);
    for (long start = amount; start < columns; start += BLOCK) {
        const long end = columns - start < BLOCK ? columns : start + BLOCK;
        if (end - start == BLOCK && !holds_more(scores + start, values[amount - 1])) continue;
        for (long column = start; column < end; column++)
            if (scores[column] > values[amount - 1])
                insert(scores[column], column, amount - 1, values, places);
    }
}

/* From scores (rows, columns) to values and places (rows, amount), with 0 < amount <= columns. */
void topk(
    long rows, long columns, long amount, const float *scores, float *values, int64_t *places,
    long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < rows; row++)
        leading_of_row(columns, amount, scores + row * columns, values + row * amount,
                       places + row * amount);
}
