/* pair_map.c: open addressing with linear probing, at most half full. */
#include "model/pair_map.h"

#include <assert.h>

#include "core/fail.h"
#include "core/memory.h"
#include "model/hash_mix.h"

rkv_status rkv_pair_map_init(rkv_pair_map *map, size_t capacity) {
    *map = (rkv_pair_map){.seed = rkv_hash_seed()};
    size_t slots = 16;
    while (slots / 2 < capacity && slots <= SIZE_MAX / 4)
        slots *= 2;
    rkv_status status = rkv_alloc_raw(&map->slots, slots, sizeof *map->slots);
    if (status) return status;
    map->mask = slots - 1;
    for (size_t i = 0; i < slots; i++)
        map->slots[i] = (struct rkv_pair_slot){0, RKV_PAIR_NONE};
    return RKV_OK;
}

void rkv_pair_map_clear(rkv_pair_map *map) {
    free(map->slots);
    *map = (rkv_pair_map){0};
}

/* The slot that holds the pair, or the free one where it belongs. */
static struct rkv_pair_slot *slot_of(const rkv_pair_map *map, uint32_t first, uint32_t second,
                                     uint64_t *key) {
    *key = (uint64_t)first << 32 | second;
    uint64_t i = rkv_hash_mix(*key, map->seed) & map->mask;
    while (map->slots[i].value != RKV_PAIR_NONE && map->slots[i].key != *key)
        i = (i + 1) & map->mask;
    return &map->slots[i];
}

uint32_t rkv_pair_map_get(const rkv_pair_map *map, uint32_t first, uint32_t second) {
    uint64_t key;
    return slot_of(map, first, second, &key)->value;
}

bool rkv_pair_map_add(rkv_pair_map *map, uint32_t first, uint32_t second, uint32_t value) {
    assert(value != RKV_PAIR_NONE);
    uint64_t key;
    struct rkv_pair_slot *slot = slot_of(map, first, second, &key);
    if (slot->value != RKV_PAIR_NONE) return false;
    *slot = (struct rkv_pair_slot){key, value};
    return true;
}
