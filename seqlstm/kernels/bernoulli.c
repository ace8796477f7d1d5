/* Biased coins, four a word of 64 bits, as values of a type of so many bits: `value` or zero.
 *
 * Word n is SplitMix64's after n + 1 steps from the seed (Steele, Lea & Flood, 2014),
 * so a thread begins wherever its share does, and how many there are changes nothing.
 */
#include <stdint.h>

enum { WORDS = 64, COINS = 4 * WORDS };

static inline uint64_t word(uint64_t seed, uint64_t place) {
    uint64_t z = seed + (place + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* `coins`: how many. A coin's 16 bits, lowest first, are a number; those below `limit` give `value`. */
#define TOSS(bits)                                                                                 \
    void bernoulli_##bits(                                                                              \
        long coins, uint64_t seed, int32_t limit, uint64_t value, long threads,                    \
        uint##bits##_t *values) {                                                                  \
        const long blocks = (coins + COINS - 1) / COINS;                                           \
        _Pragma("omp parallel for schedule(static) num_threads(threads)")                          \
        for (long block = 0; block < blocks; block++) {                                            \
            union { uint64_t words[WORDS]; uint16_t numbers[COINS]; } drawn;                       \
            for (long n = 0; n < WORDS; n++)                                                       \
                drawn.words[n] = word(seed, block * WORDS + n);                                    \
            uint##bits##_t *place = values + block * COINS;                                        \
            const long left = coins - block * COINS, count = left < COINS ? left : COINS;          \
            for (long n = 0; n < count; n++)                                                       \
                place[n] = drawn.numbers[n] < limit ? (uint##bits##_t)value : 0;                   \
        }                                                                                          \
    }

TOSS(16)
TOSS(32)
TOSS(64)
