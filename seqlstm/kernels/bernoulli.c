/* Bernoulli samples: each is `value` or zero, as bits of a type of 16, 32 or 64 bits. A random word of
 * 64 bits serves four samples.
 *
 * Word n is that of SplitMix64 (Steele, Lea & Flood, 2014) after n + 1 steps from the seed, so a
 * thread can start at any word, and the number of threads changes nothing.
 */
#include <stdint.h>

enum { WORDS = 64, SAMPLES = 4 * WORDS };  /* of a block */

static inline uint64_t word(uint64_t seed, uint64_t index) {
    uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A sample is 16 bits of a word, lowest first; samples below `threshold` become `value`. */
#define BERNOULLI(bits)                                                                            \
    void bernoulli_##bits(                                                                         \
        long count, uint64_t seed, int32_t threshold, uint64_t value, long threads,                \
        uint##bits##_t *values) {                                                                  \
        const long blocks = (count + SAMPLES - 1) / SAMPLES;                                       \
        _Pragma("omp parallel for schedule(static) num_threads(threads)")                          \
        for (long block = 0; block < blocks; block++) {                                            \
            union { uint64_t words[WORDS]; uint16_t samples[SAMPLES]; } random;                    \
            for (long n = 0; n < WORDS; n++)                                                       \
                random.words[n] = word(seed, block * WORDS + n);                                   \
            uint##bits##_t *out = values + block * SAMPLES;                                        \
            const long rest = count - block * SAMPLES, size = rest < SAMPLES ? rest : SAMPLES;     \
            for (long n = 0; n < size; n++)                                                        \
                out[n] = random.samples[n] < threshold ? (uint##bits##_t)value : 0;                \
        }                                                                                          \
    }

BERNOULLI(16)
BERNOULLI(32)
BERNOULLI(64)
