/* The product of a few rows with a packed matrix (GEMV, skinny GEMM). Its cost is that of reading the
 * matrix once. The panels are divided among the threads. PRODUCT is the type of factors and results.
 */
#define REAL float  /* of sums */
#include "scalar_math.h"
#include "packed_gemm.h"

/* result (rows, columns) = left (rows, depth) · matrix + bias, for at most ROWS rows; bias may be
 * null. */
void gemv(
    long rows, long columns, long depth, const PRODUCT *left, const PRODUCT *panels,
    const REAL *bias, PRODUCT *result, long threads) {
    const long count = round_up(columns, WIDTH) / WIDTH;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long panel = 0; panel < count; panel++) {
        const long first = panel * WIDTH;
        const long wide = smaller(WIDTH, columns - first);
        REAL sums[ROWS * WIDTH];
        multiply(rows, wide, depth, left, depth, panels + first * depth, sums, WIDTH);
        for (long row = 0; row < rows; row++)
            for (long column = 0; column < wide; column++)
                WRITE(result[row * columns + first + column],
                      sums[row * WIDTH + column] + (bias ? bias[first + column] : 0));
    }
}
