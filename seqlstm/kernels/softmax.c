/* Log-softmax, and cross-entropy with its gradient, which overwrites the logits.
 *
 * LOGIT is the type of logits, REAL that of everything else. Rows are independent and are divided
 * among the threads.
 */
#include "scalar_math.h"

/* The label-smoothed cross-entropy of a row: with p the softmax of logits + bias and smoothing s,
 * -(1 - s) log p[target] - s · mean log p. Its gradient is p - s / columns, minus 1 - s at the
 * target. */
static REAL cross_entropy_of_row(
    long columns, LOGIT *logits, const REAL *bias, long target, REAL smoothing,
    REAL *exponentials, REAL *d_bias) {
    REAL largest = -INFINITY, total = 0, sum = 0;
#pragma omp simd reduction(max : largest) reduction(+ : total)
    for (long column = 0; column < columns; column++) {
        const REAL logit = exponentials[column] = READ(logits[column]) + bias[column];
        largest = logit > largest ? logit : largest;
        total += logit;
    }
    const REAL target_logit = exponentials[target];
#pragma omp simd reduction(+ : sum)
    for (long column = 0; column < columns; column++) {
        exponentials[column] = exponential(exponentials[column] - largest);
        sum += exponentials[column];
    }
    const REAL scale = 1 / sum, uniform = smoothing / columns;
    const REAL d_bias_before = d_bias[target];
#pragma omp simd
    for (long column = 0; column < columns; column++) {
        const REAL d_logit = exponentials[column] * scale - uniform;
        WRITE(logits[column], d_logit);
        d_bias[column] += d_logit;
    }
    const REAL d_logit = exponentials[target] * scale - uniform - (1 - smoothing);
    WRITE(logits[target], d_logit);
    d_bias[target] = d_bias_before + d_logit;
    const REAL norm = largest + logarithm(sum);  /* log of the sum of all e^x */
    /* Without smoothing the mean is not used: it is -inf if the logit of any id is -inf. */
    return norm - (1 - smoothing) * target_logit - (smoothing ? smoothing * (total / columns) : 0);
}

/* Log-probabilities of each row. */
void log_softmax(long rows, long columns, const LOGIT *logits, REAL *log_probs, long threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long row = 0; row < rows; row++) {
        const LOGIT *from = logits + row * columns;
        REAL *to = log_probs + row * columns, largest = -INFINITY, sum = 0;
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

/* `exponentials` (scratch) and `d_bias` (added to) have a row for each thread. */
void cross_entropy_with_grad(
    long rows, long columns, LOGIT *logits, const REAL *bias, const int64_t *targets,
    double smoothing, long threads, REAL *exponentials, REAL *d_bias, REAL *losses) {
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (long share = 0; share < threads; share++)
        for (long row = rows * share / threads; row < rows * (share + 1) / threads; row++)
            losses[row] = cross_entropy_of_row(
                columns, logits + row * columns, bias, targets[row], smoothing,
                exponentials + share * columns, d_bias + share * columns);
}
