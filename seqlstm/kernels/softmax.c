/* From logits to log-probabilities; and to losses and their derivatives by the logits, which take
 * the logits' place.
 *
 * LOGIT is the type of logits, REAL that of everything else. Rows do not depend on one another; a
 * thread takes some of them.
 */
#include "scalar_math.h"

/* The loss of a row: with p the softmax of x, its logits and the bias, and smoothing s over the whole vocabulary,
 * -(1 - s) log p[target] - s · mean log p. Its derivative is p - s / columns, less 1 - s at the
 * target. */
static REAL row_errors(
    long columns, LOGIT *logits, const REAL *bias, long target, REAL smoothing, REAL *powers,
    REAL *d_bias) {
    REAL largest = -INFINITY, all = 0, sum = 0;
#pragma omp simd reduction(max : largest) reduction(+ : all)
    for (long column = 0; column < columns; column++) {
        const REAL logit = powers[column] = READ(logits[column]) + bias[column];
        largest = logit > largest ? logit : largest;
        all += logit;
    }
    const REAL wanted = powers[target];
#pragma omp simd reduction(+ : sum)
    for (long column = 0; column < columns; column++) {
        powers[column] = exponential(powers[column] - largest);
        sum += powers[column];
    }
    const REAL scale = 1 / sum, spread = smoothing / columns;
    const REAL before = d_bias[target];
#pragma omp simd
    for (long column = 0; column < columns; column++) {
        const REAL error = powers[column] * scale - spread;
        WRITE(logits[column], error);
        d_bias[column] += error;
    }
    const REAL error = powers[target] * scale - spread - (1 - smoothing);
    WRITE(logits[target], error);
    d_bias[target] = before + error;
    const REAL norm = largest + logarithm(sum);  /* log of the sum of all e^x */
    /* A sum over the vocabulary is taken only where it counts: a forbidden id is -inf. */
    return norm - (1 - smoothing) * wanted - (smoothing ? smoothing * (all / columns) : 0);
}

/* The logarithm of the softmax of each row. */
void log_softmax(long rows, long columns, const LOGIT *logits, REAL *chances, long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < rows; row++) {
        const LOGIT *from = logits + row * columns;
        REAL *to = chances + row * columns, largest = -INFINITY, sum = 0;
#pragma omp simd reduction(max : largest)
        for (long column = 0; column < columns; column++) {
            const REAL logit = to[column] = READ(from[column]);
            largest = logit > largest ? logit : largest;
        }
#pragma omp simd reduction(+ : sum)
        for (long column = 0; column < columns; column++)
            sum += exponential(to[column] - largest);
        const REAL norm = largest + logarithm(sum);  /* log of the sum of all e^x */
#pragma omp simd
        for (long column = 0; column < columns; column++) to[column] -= norm;
    }
}

/* `powers` and `d_bias`, which is added to, have a row of columns for each thread. */
void cross_entropy_with_grad(
    long rows, long columns, LOGIT *logits, const REAL *bias, const int64_t *targets,
    double smoothing, long threads, REAL *powers, REAL *d_bias, REAL *losses) {
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (long share = 0; share < threads; share++)
        for (long row = rows * share / threads; row < rows * (share + 1) / threads; row++)
            losses[row] = row_errors(columns, logits + row * columns, bias, targets[row], smoothing,
                                     powers + share * columns, d_bias + share * columns);
}
