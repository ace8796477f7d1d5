/* Steps of an element-wise cell, forwards and backwards, over some rows of a batch.
 *
 * Compiled for one cell: equations.h, made from its equations, has their forward_row and
 * backward_row, and how many of everything there are; scalar_math.h has their functions, packed_gemm.h the
 * products. REAL is the type of states, PRODUCT that of the factors of R·h, PROJECTED that of what
 * was projected. Rows do not depend on one another, so a thread takes some rows through all steps
 * and waits for nobody.
 *
 * By head: R's block of a head reads that head's part of the operand; products hold head by head
 * the gates of its units. A dense R is one head.
 *
 * In reverse every row is read from its own end: what belongs to a step lies where its input lies.
 */
#include "scalar_math.h"
#include "packed_gemm.h"
#include "equations.h"

const long shared = SHARED;

/* Tensors are (steps, batch, features) or (batch, features), several of them an array; factors of
 * products are padded, head by head, to whole pairs, with zeros. */
typedef struct {
    long steps, batch, hidden, heads, keeps, reverse, threads;
    const PROJECTED *projected;
    const PRODUCT *matrix, *transposed;  /* in panels, head by head */
    const REAL *parameters;
    const REAL *const *first;            /* the state before the first step */
    const REAL *const *fresh;            /* what a reset puts in place of the state */
    const int64_t *lengths;              /* or none */
    const uint8_t *resets;               /* or none */
    REAL *product;                       /* of one step */
    PRODUCT *operand;
    PRODUCT *products, *operands;        /* of all steps, if it keeps them for the way back */
    REAL *const *states;                 /* that each step starts from */
    REAL *const *last;
    PRODUCT *outputs;                    /* whoever reads them multiplies them */
    const PRODUCT *d_outputs;
    REAL *const *d_states;               /* of the last state, and in the end of the first */
    PRODUCT *d_products;
    PROJECTED *d_projected;
    REAL *d_parameters;                  /* a row for each thread, added to */
    PRODUCT *d_product;                  /* of one step */
    REAL *d_start, *d_operand;
    const REAL *nothing;                 /* zeros for a part of a state */
} Arguments;

const long arguments_size = sizeof(Arguments);
static const int operand_parts[] = OPERAND;
#define OPERANDS ((int)(sizeof(operand_parts) / sizeof(*operand_parts)))

static inline long padded(long columns) { return (columns + PAIR - 1) / PAIR * PAIR; }
static inline long in_panels(long columns) { return (columns + WIDTH - 1) / WIDTH * WIDTH; }

/* Where a row's step lies among all steps and rows. */
static inline long place_of(const Arguments *call, long time, long row) {
    if (!call->reverse) return time * call->batch + row;
    const long all = call->steps, length = call->lengths ? call->lengths[row] : all;
    const long end = length < all ? length : all;
    return (time < end ? end - 1 - time : time) * call->batch + row;
}
static inline int over(const Arguments *call, long time, long row) {
    return call->lengths && time >= call->lengths[row];
}
static inline int starts_afresh(const Arguments *call, long time, long row) {
    return call->resets && call->resets[time * call->batch + row] && !over(call, time, row);
}

/* The state that a row's step starts from, reset if need be; and what the product reads of it: all
 * parts of a head side by side. */
static void start_row(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, heads = call->heads, units = hidden / heads;
    const long stride = padded(OPERANDS * units), place = place_of(call, time, row);
    const long now = place * hidden, wide = heads * stride;
    PRODUCT *operand = call->operand + row * wide;
    if (time == 0)
        for (int part = 0; part < PARTS; part++)
            memcpy(call->states[part] + now, call->first[part] + row * hidden,
                   hidden * sizeof(REAL));
    if (starts_afresh(call, time, row))
        for (int part = 0; part < PARTS; part++)
            memcpy(call->states[part] + now, call->fresh[part] + row * hidden,
                   hidden * sizeof(REAL));
    for (long head = 0; head < heads; head++)
        for (int part = 0; part < OPERANDS; part++) {
            const REAL *from = call->states[operand_parts[part]] + now + head * units;
            PRODUCT *to = operand + head * stride + part * units;
            for (long unit = 0; unit < units; unit++) WRITE(to[unit], from[unit]);
        }
    if (call->keeps) memcpy(call->operands + place * wide, operand, wide * sizeof(PRODUCT));
}

/* From a row's state and product to its output and the state of the next step. */
static void end_row(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, now = place_of(call, time, row);
    const int final = time + 1 == call->steps;
    const long next = final ? 0 : place_of(call, time + 1, row);
    const REAL *product = call->product + row * GATES * hidden;
    const REAL *start[PARTS];
    REAL *after[PARTS];
    for (int part = 0; part < PARTS; part++) {
        start[part] = call->states[part] + now * hidden;
        after[part] = final ? call->last[part] + row * hidden : call->states[part] + next * hidden;
    }
    forward_row(hidden, hidden / call->heads, call->projected + now * PROJECTIONS * hidden,
                product, start, call->parameters, call->outputs + now * hidden, after);
    if (call->keeps) {
        PRODUCT *kept = call->products + now * GATES * hidden;
        for (long gate = 0; gate < GATES * hidden; gate++) WRITE(kept[gate], product[gate]);
    }
    if (over(call, time, row))
        for (int part = 0; part < PARTS; part++)
            memcpy(after[part], start[part], hidden * sizeof(REAL));
}

static void forward_rows(const Arguments *call, long first, long end) {
    const long heads = call->heads, units = call->hidden / heads, gates = GATES * units;
    const long columns = heads * gates, depth = padded(OPERANDS * units), wide = heads * depth;
    for (long time = 0; time < call->steps; time++) {
        for (long row = first; row < end; row++) start_row(call, time, row);
        for (long head = 0; head < heads; head++)
            multiply(end - first, gates, depth, call->operand + first * wide + head * depth, wide,
                     call->matrix + head * in_panels(gates) * depth,
                     call->product + first * columns + head * gates, columns);
        for (long row = first; row < end; row++) end_row(call, time, row);
    }
}

/* From the gradients of a row's output and of the state after its step to those of what the
 * equations read. */
static void leave_row(const Arguments *call, long time, long row, REAL *d_parameters) {
    const long hidden = call->hidden, heads = call->heads, units = hidden / heads;
    const long now = place_of(call, time, row), stride = padded(GATES * units);
    PRODUCT *d_product = call->d_product + row * heads * stride;
    const REAL *start[PARTS], *d_after[PARTS];
    REAL *d_start[PARTS];
    for (int part = 0; part < PARTS; part++) {
        start[part] = call->states[part] + now * hidden;
        d_after[part] =
            over(call, time, row) ? call->nothing : call->d_states[part] + row * hidden;
        d_start[part] = call->d_start + (row * PARTS + part) * hidden;
    }
    backward_row(hidden, units, call->projected + now * PROJECTIONS * hidden,
                 call->products + now * GATES * hidden, start, call->parameters,
                 call->d_outputs + now * hidden, d_after,
                 d_product, stride,
                 SHARED ? 0 : call->d_projected + now * PROJECTIONS * hidden, d_start,
                 d_parameters);
    memcpy(call->d_products + now * heads * stride, d_product, heads * stride * sizeof(PRODUCT));
}

/* The gradient of the state before a row's step: from the equations, from the product, and that of
 * the state after it where the row was over. */
static void reach_row(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, units = hidden / call->heads;
    REAL *d_start = call->d_start + row * PARTS * hidden;
    const REAL *d_operand = call->d_operand + row * OPERANDS * hidden;
    for (long head = 0; head < call->heads; head++)
        for (int part = 0; part < OPERANDS; part++) {
            REAL *to = d_start + operand_parts[part] * hidden + head * units;
            const REAL *from = d_operand + (head * OPERANDS + part) * units;
            for (long unit = 0; unit < units; unit++) to[unit] += from[unit];
        }
    const int dropped = starts_afresh(call, time, row), passed = over(call, time, row);
    for (int part = 0; part < PARTS; part++) {
        REAL *d_state = call->d_states[part] + row * hidden;
        const REAL *from = d_start + part * hidden;
        for (long unit = 0; unit < hidden; unit++)
            d_state[unit] = (dropped ? 0 : from[unit]) + (passed ? d_state[unit] : 0);
    }
}

static void backward_rows(const Arguments *call, long first, long end, REAL *d_parameters) {
    const long heads = call->heads, units = call->hidden / heads, columns = OPERANDS * units;
    const long depth = padded(GATES * units), wide = heads * depth;
    for (long time = call->steps - 1; time >= 0; time--) {
        for (long row = first; row < end; row++) leave_row(call, time, row, d_parameters);
        for (long head = 0; head < heads; head++)
            multiply(end - first, columns, depth,
                     call->d_product + first * wide + head * depth, wide,
                     call->transposed + head * in_panels(columns) * depth,
                     call->d_operand + first * heads * columns + head * columns,
                     heads * columns);
        for (long row = first; row < end; row++) reach_row(call, time, row);
    }
}

void forward(const Arguments *call) {
#pragma omp parallel for schedule(static, 1) num_threads(call->threads)
    for (long share = 0; share < call->threads; share++)
        forward_rows(call, call->batch * share / call->threads,
                     call->batch * (share + 1) / call->threads);
}

void backward(const Arguments *call) {
#pragma omp parallel for schedule(static, 1) num_threads(call->threads)
    for (long share = 0; share < call->threads; share++)
        backward_rows(call, call->batch * share / call->threads,
                      call->batch * (share + 1) / call->threads,
                      call->d_parameters + share * PARAMETERS * call->hidden);
}
