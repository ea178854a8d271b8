/* pair_map.h: a hash table from pairs of 32-bit numbers to one: merges by their two tokens, a trie's edges by
 * node and byte. */
#ifndef RKV_MODEL_PAIR_MAP_H
#define RKV_MODEL_PAIR_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include <rankkv/status.h>

/* What a pair that is not in the map has; no pair can be given it. */
#define RKV_PAIR_NONE UINT32_MAX

typedef struct rkv_pair_map {
    struct rkv_pair_slot {
        uint64_t key;
        uint32_t value; /* RKV_PAIR_NONE: the slot is free */
    } * slots;
    uint64_t mask; /* slots - 1, their number being a power of two */
    uint64_t seed;
} rkv_pair_map;

/* Makes an empty map with room for capacity pairs, no more. */
rkv_status rkv_pair_map_init(rkv_pair_map *map, size_t capacity);
void rkv_pair_map_clear(rkv_pair_map *map);

uint32_t rkv_pair_map_get(const rkv_pair_map *map, uint32_t first, uint32_t second);
/* False, and the map unchanged, when the pair is there already. */
bool rkv_pair_map_add(rkv_pair_map *map, uint32_t first, uint32_t second, uint32_t value);

#endif
