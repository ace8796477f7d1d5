/* The time loop of an element-wise cell, forward and backward.
 *
 * Compiled for one cell: equations.h, generated from its equations, has forward_row, backward_row
 * and the sizes; scalar_math.h has the functions, packed_gemm.h the products. REAL is the type of
 * states, PRODUCT that of the factors of R·h, PROJECTED that of the projected inputs. Rows are
 * independent: each thread runs some rows of the batch through all steps.
 *
 * R has a block for each head, which reads that head's part of the operand. The products are ordered
 * by head, then by gate. A dense R has one head.
 *
 * In reverse, each row starts at its own last step; output t belongs to input t.
 */
#include "scalar_math.h"
#include "packed_gemm.h"
#include "equations.h"

const long shared = SHARED;

/* Tensors are (steps, batch, features) or (batch, features); parts of a state are arrays of tensors.
 * Factors of products are padded with zeros, head by head, to whole pairs. */
typedef struct {
    long steps, batch, hidden, heads, needs_grad, reverse, threads;
    const PROJECTED *projected;
    const PRODUCT *matrix, *transposed;  /* packed, head by head */
    const REAL *parameters;
    const REAL *const *initial;          /* the state before the first step */
    const REAL *const *reset_state;      /* the state after a reset */
    const int64_t *lengths;              /* or null */
    const uint8_t *resets;               /* or null */
    REAL *product;                       /* of one step */
    PRODUCT *operand;
    PRODUCT *products, *operands;        /* of all steps, saved for the backward pass */
    REAL *const *states;                 /* before each step */
    REAL *const *final;
    PRODUCT *outputs;
    const PRODUCT *d_outputs;
    REAL *const *d_states;               /* of the final state, then of the initial one */
    PRODUCT *d_products;
    PROJECTED *d_projected;
    REAL *d_parameters;                  /* a row for each thread, added to */
    PRODUCT *d_product;                  /* of one step */
    REAL *d_start, *d_operand;
    const REAL *zeros;                   /* for a part of a state */
} Arguments;

const long arguments_size = sizeof(Arguments);
static const int operand_parts[] = OPERAND;
#define OPERANDS ((int)(sizeof(operand_parts) / sizeof(*operand_parts)))

static inline long padded(long columns) { return round_up(columns, PAIR); }

/* The index of a row's step among all steps and rows. */
static inline long index_of(const Arguments *call, long time, long row) {
    if (!call->reverse) return time * call->batch + row;
    const long all = call->steps, length = call->lengths ? call->lengths[row] : all;
    const long end = length < all ? length : all;
    return (time < end ? end - 1 - time : time) * call->batch + row;
}
static inline int is_padding(const Arguments *call, long time, long row) {
    return call->lengths && time >= call->lengths[row];
}
static inline int is_reset(const Arguments *call, long time, long row) {
    return call->resets && call->resets[time * call->batch + row] && !is_padding(call, time, row);
}

/* Writes the state before a row's step, after a reset if there is one, and the operand of R: for each
 * head, the parts of the state that R multiplies, concatenated. */
static void begin_step(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, heads = call->heads, units = hidden / heads;
    const long stride = padded(OPERANDS * units), place = index_of(call, time, row);
    const long now = place * hidden, wide = heads * stride;
    PRODUCT *operand = call->operand + row * wide;
    if (time == 0)
        for (int part = 0; part < PARTS; part++)
            memcpy(call->states[part] + now, call->initial[part] + row * hidden,
                   hidden * sizeof(REAL));
    if (is_reset(call, time, row))
        for (int part = 0; part < PARTS; part++)
            memcpy(call->states[part] + now, call->reset_state[part] + row * hidden,
                   hidden * sizeof(REAL));
    for (long head = 0; head < heads; head++)
        for (int part = 0; part < OPERANDS; part++) {
            const REAL *from = call->states[operand_parts[part]] + now + head * units;
            PRODUCT *to = operand + head * stride + part * units;
            for (long unit = 0; unit < units; unit++) WRITE(to[unit], from[unit]);
        }
    if (call->needs_grad) memcpy(call->operands + place * wide, operand, wide * sizeof(PRODUCT));
}

/* Writes a row's output and next state, from its state and the product. */
static void end_step(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, now = index_of(call, time, row);
    const int at_end = time + 1 == call->steps;
    const long next = at_end ? 0 : index_of(call, time + 1, row);
    const REAL *product = call->product + row * GATES * hidden;
    const REAL *start[PARTS];
    REAL *after[PARTS];
    for (int part = 0; part < PARTS; part++) {
        start[part] = call->states[part] + now * hidden;
        after[part] = at_end ? call->final[part] + row * hidden
                             : call->states[part] + next * hidden;
    }
    forward_row(hidden, hidden / call->heads, call->projected + now * PROJECTIONS * hidden,
                product, start, call->parameters, call->outputs + now * hidden, after);
    if (call->needs_grad) {
        PRODUCT *saved = call->products + now * GATES * hidden;
        for (long gate = 0; gate < GATES * hidden; gate++) WRITE(saved[gate], product[gate]);
    }
    if (is_padding(call, time, row))
        for (int part = 0; part < PARTS; part++)
            memcpy(after[part], start[part], hidden * sizeof(REAL));
}

static void forward_rows(const Arguments *call, long first, long end) {
    const long heads = call->heads, units = call->hidden / heads, gates = GATES * units;
    const long columns = heads * gates, depth = padded(OPERANDS * units), wide = heads * depth;
    for (long time = 0; time < call->steps; time++) {
        for (long row = first; row < end; row++) begin_step(call, time, row);
        for (long head = 0; head < heads; head++)
            multiply(end - first, gates, depth, call->operand + first * wide + head * depth, wide,
                     call->matrix + head * round_up(gates, WIDTH) * depth,
                     call->product + first * columns + head * gates, columns);
        for (long row = first; row < end; row++) end_step(call, time, row);
    }
}

/* Writes the gradients of the arguments of a row's equations, from those of its output and next
 * state. */
static void equations_backward(const Arguments *call, long time, long row, REAL *d_parameters) {
    const long hidden = call->hidden, heads = call->heads, units = hidden / heads;
    const long now = index_of(call, time, row), stride = padded(GATES * units);
    PRODUCT *d_product = call->d_product + row * heads * stride;
    const REAL *start[PARTS], *d_after[PARTS];
    REAL *d_start[PARTS];
    for (int part = 0; part < PARTS; part++) {
        start[part] = call->states[part] + now * hidden;
        d_after[part] =
            is_padding(call, time, row) ? call->zeros : call->d_states[part] + row * hidden;
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

/* Writes the gradient of the state before a row's step: the sum of the gradients from the equations
 * and from the product; at padding, the gradient of the next state. */
static void product_backward(const Arguments *call, long time, long row) {
    const long hidden = call->hidden, units = hidden / call->heads;
    REAL *d_start = call->d_start + row * PARTS * hidden;
    const REAL *d_operand = call->d_operand + row * OPERANDS * hidden;
    for (long head = 0; head < call->heads; head++)
        for (int part = 0; part < OPERANDS; part++) {
            REAL *to = d_start + operand_parts[part] * hidden + head * units;
            const REAL *from = d_operand + (head * OPERANDS + part) * units;
            for (long unit = 0; unit < units; unit++) to[unit] += from[unit];
        }
    const int reset = is_reset(call, time, row), padding = is_padding(call, time, row);
    for (int part = 0; part < PARTS; part++) {
        REAL *d_state = call->d_states[part] + row * hidden;
        const REAL *from = d_start + part * hidden;
        for (long unit = 0; unit < hidden; unit++)
            d_state[unit] = (reset ? 0 : from[unit]) + (padding ? d_state[unit] : 0);
    }
}

static void backward_rows(const Arguments *call, long first, long end, REAL *d_parameters) {
    const long heads = call->heads, units = call->hidden / heads, columns = OPERANDS * units;
    const long depth = padded(GATES * units), wide = heads * depth;
    for (long time = call->steps - 1; time >= 0; time--) {
        for (long row = first; row < end; row++) equations_backward(call, time, row, d_parameters);
        for (long head = 0; head < heads; head++)
            multiply(end - first, columns, depth,
                     call->d_product + first * wide + head * depth, wide,
                     call->transposed + head * round_up(columns, WIDTH) * depth,
                     call->d_operand + first * heads * columns + head * columns,
                     heads * columns);
        for (long row = first; row < end; row++) product_backward(call, time, row);
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
