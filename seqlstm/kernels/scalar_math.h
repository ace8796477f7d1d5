/* Scalar math: bfloat16, and the functions of cells' equations, in float and in double. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t bfloat16;

static inline float float_of(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
static inline uint32_t bits_of(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
static inline REAL same(REAL x) { return x; }
static inline REAL from_bfloat16(bfloat16 x) { return float_of((uint32_t)x << 16); }
static inline bfloat16 to_bfloat16(REAL x) {  /* to nearest, ties to even */
    const uint32_t bits = bits_of((float)x), rounded = bits + 0x7fff + ((bits >> 16) & 1);
    return x == x ? rounded >> 16 : 0x7fc0;
}
#define READ(place) _Generic((place), bfloat16: from_bfloat16, default: same)(place)
#define WRITE(place, value) \
    ((place) = _Generic((place), bfloat16: to_bfloat16, default: same)(value))

static inline REAL larger(REAL x, REAL y) { return x > y ? x : y >= x ? y : x + y; }  /* or NaN */
static inline REAL of_larger(REAL x, REAL y, REAL d) {  /* gradient of x, from d of larger(x, y) */
    return x < y ? 0 : x == y ? d / 2 : d;
}

static inline double exponential_double(double x) { return exp(x); }
static inline double tangent_double(double x) { return tanh(x); }
static inline double logarithm_double(double x) { return log(x); }

/* e^x = 2^n · e^r with |r| <= log(2)/2, or up to 1 where e^x nearly overflows. Returns 2^n, or 0 on
 * underflow; `rest` becomes e^r - 1, by a Taylor polynomial. Without branches, so that loops can be
 * vectorized. */
static inline float power_of_two(float x, float *rest) {
    const float limited = x < -88.0f ? -88.0f : x > 89.0f ? 89.0f : x;  /* a NaN stays */
    const float nearest = rintf(limited * 1.44269504f);
    const float n = nearest > 127.0f ? 127.0f : nearest == nearest ? nearest : 0.0f;
    const float r = (limited - n * 0.693359375f) + n * 2.12194440e-4f;  /* log 2 in two parts */
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    *rest = (sum * r + 1.0f) * r;
    return float_of((uint32_t)((int32_t)n + 127) << 23);
}
static inline float exponential_float(float x) {
    float rest;
    const float scale = power_of_two(x, &rest);
    return scale * (1.0f + rest);
}
static inline float tangent_float(float x) {  /* (e^2x - 1) / (e^2x + 1) */
    const float limited = x < -10.0f ? -10.0f : x > 10.0f ? 10.0f : x;
    float rest;
    const float scale = power_of_two(2.0f * limited, &rest);
    const float above = scale * rest + (scale - 1.0f);
    return above / (above + 2.0f);
}
/* x = 2^n · m with m near 1, and log m = 2 artanh s with s = (m - 1) / (m + 1). */
static inline float logarithm_float(float x) {
    const int tiny = x < 1.17549435e-38f;  /* subnormal: multiplied by 2^23 */
    const uint32_t bits = bits_of(tiny ? x * 8388608.0f : x);
    const int32_t power = (int32_t)(bits - 0x3f3504f3) >> 23;  /* the bits of sqrt(1/2) */
    const float m = float_of(bits - ((uint32_t)power << 23));
    const float n = (float)power - (tiny ? 23.0f : 0.0f);
    const float s = (m - 1.0f) / (m + 1.0f), t = s * s;
    const float artanh = s * (1.0f + t * (1.0f / 3 + t * (0.2f + t * (1.0f / 7 + t / 9))));
    const float result = n * 0.693359375f + (2.0f * artanh - n * 2.12194440e-4f);
    return x > 0.0f ? (x == INFINITY ? x : result) : x == 0.0f ? -INFINITY : NAN;
}
#define BY_TYPE(name, x) _Generic((x), float: name##_float, double: name##_double)(x)

static inline REAL exponential(REAL x) { return BY_TYPE(exponential, x); }
static inline REAL tangent(REAL x) { return BY_TYPE(tangent, x); }
static inline REAL logarithm(REAL x) { return BY_TYPE(logarithm, x); }
static inline REAL sigmoid(REAL x) { return 1 / (1 + exponential(-x)); }
static inline REAL logarithm_above_one(REAL x) {  /* log(1 + x), exact for small x */
    const REAL sum = 1 + x, result = logarithm(sum);
    return sum == 1 ? x : sum == x ? result : result * (x / (sum - 1));
}
static inline REAL log_sigmoid(REAL x) {
    return (x < 0 ? x : 0) - logarithm_above_one(exponential(x < 0 ? x : -x));
}
