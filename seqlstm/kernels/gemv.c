/* The product of a few rows with a matrix, on all threads, each of which takes some panels: what it
 * costs is to read the matrix once. REAL is the type of sums, PRODUCT that of factors and results.
 */
#include "scalar_math.h"
#include "packed_gemm.h"

const long most_rows = ROWS;

/* result (rows, columns) = left (rows, depth) · matrix + bias, if there is one; at most ROWS rows. */
void product(
    long rows, long columns, long depth, const PRODUCT *left, const PRODUCT *panels,
    const REAL *bias, PRODUCT *result, long threads) {
    const long count = (columns + WIDTH - 1) / WIDTH;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (long panel = 0; panel < count; panel++) {
        const long first = panel * WIDTH;
        const long wide = columns - first < WIDTH ? columns - first : WIDTH;
        REAL found[ROWS * WIDTH];
        multiply(rows, wide, depth, left, depth, panels + first * depth, found, WIDTH);
        for (long row = 0; row < rows; row++)
            for (long column = 0; column < wide; column++)
                WRITE(result[row * columns + first + column],
                      found[row * WIDTH + column] + (bias ? bias[first + column] : 0));
    }
}
