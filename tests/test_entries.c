/* test_entries.c: heads of a cache, in ordinary memory and in devices': what is done with all of a layer, and
 * what stays in the rows' memory, gives what is done one by one by way of the host. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/entries.h"
#include "core/random.h"
#include "cuda_host/places.h"
#include "support/row_lists.h"

enum { HEADS = 19, D = 34, GROUP = 2, MOST = 164 }; /* more heads than are stored at once */

static rkv_random dice = {17};

/* ---- heads ---- */

/* Head g, of which every third has bases, of one that is as wide as rows among them. */
static rkv_entries new_entries(size_t g, const rkv_row_format *format, const float *basis) {
    rkv_entries e;
    bool based = g % 3 == 2;
    rkv_entries_format f = {.backend = where,
                            .keys = *format,
                            .values = format[1],
                            .key_basis = based ? basis : NULL,
                            .value_basis = based && g % 2 ? basis : NULL,
                            .key_rank = g == 8 ? (size_t)D : 1 + g,
                            .value_rank = 5};
    assert_int_equal(rkv_entries_init(&e, &f, D, GROUP, g % 2), RKV_OK);
    return e;
}

static float *upload(const float *x, size_t n) {
    float *there = NULL;
    if (!where) return (float *)x; /* it is written over, then */
    assert_int_equal(where->ops->alloc(where, &there, n), RKV_OK);
    assert_int_equal(where->ops->upload(where, there, x, n), RKV_OK);
    return there;
}

static void release(float *there) {
    if (where) where->ops->release(where, there);
}

/* ---- the same ---- */

/* Products are summed in other orders on other devices: of D numbers whose squares sum to less than 200^2,
 * each 2^-24 wide of the truth. A number that so comes to lie between two codes may become either. */
#define ROUNDING 1e-3
static double tolerance_of(const rkv_store *s) {
    if (!s->basis || !where || where->host_memory) return 0;
    size_t bits = row_form_bits(rkv_rows_format(s->rows)->form);
    return bits > 16 ? ROUNDING : 400.0 / (double)((1u << (bits < 10 ? bits : 10)) - 1);
}

static void assert_near(const float *a, const float *b, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance))
            fail_msg("number %zu is %.9g, not %.9g", i, (double)a[i], (double)b[i]);
}

static void check_same(const rkv_entries *a, const rkv_entries *b) {
    static float x[4][MOST * D];
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->positions, b->positions, a->n * sizeof *a->positions);
    assert_int_equal(!a->sums, !b->sums);
    if (a->sums) assert_memory_equal(a->sums, b->sums, GROUP * a->n * sizeof *a->sums);
    assert_int_equal(rkv_rows_used_bytes(a->keys.rows), rkv_rows_used_bytes(b->keys.rows));
    assert_int_equal(rkv_rows_used_bytes(a->values.rows), rkv_rows_used_bytes(b->values.rows));
    assert_int_equal(rkv_entries_read(a, x[0], x[1]), RKV_OK);
    assert_int_equal(rkv_entries_read(b, x[2], x[3]), RKV_OK);
    assert_near(x[0], x[2], a->n * D, tolerance_of(&a->keys));
    assert_near(x[1], x[3], a->n * D, tolerance_of(&a->values));
}

/* Memory of keys and values, kind 0 or 1, of a head alone or of all. */
static float *room_of(float *room, size_t kind, size_t g) {
    return room + (kind * HEADS + g) * MOST * D;
}

static void check_read_head(const rkv_entries *e, const float *host, size_t g) {
    static float x[2][MOST * D];
    assert_int_equal(rkv_entries_read(e, x[0], x[1]), RKV_OK);
    for (size_t kind = 0; kind < 2; kind++)
        assert_near(room_of((float *)host, kind, g), x[kind], e->n * D,
                    (kind ? &e->values : &e->keys)->basis ? ROUNDING : 0);
}

/* Of all heads at once, and one by one, keys and values apart. */
static void check_read_there(const rkv_entries *heads) {
    static float host[2 * HEADS * MOST * D];
    size_t n = sizeof host / sizeof *host;
    float *keys[HEADS], *values[HEADS], *room = upload(host, n);
    for (size_t g = 0; g < HEADS; g++)
        keys[g] = room_of(room, 0, g), values[g] = room_of(room, 1, g);
    for (size_t at_once = 0; at_once < 2; at_once++) {
        if (at_once) assert_int_equal(rkv_entries_read_all_there(heads, HEADS, keys, values), RKV_OK);
        for (size_t g = 0; g < HEADS && !at_once; g++) {
            assert_int_equal(rkv_entries_read_there(&heads[g], keys[g], NULL), RKV_OK);
            assert_int_equal(rkv_entries_read_there(&heads[g], NULL, values[g]), RKV_OK);
        }
        if (where) assert_int_equal(where->ops->download(where, host, room, n), RKV_OK);
        for (size_t g = 0; g < HEADS; g++)
            check_read_head(&heads[g], host, g);
        memset(host, 0x55, sizeof host);
        if (where) assert_int_equal(where->ops->upload(where, room, host, n), RKV_OK);
    }
    release(room);
}

/* ---- what is done with a layer ---- */

typedef struct layer {
    rkv_entries at_once[HEADS], one_by_one[HEADS];
    int32_t next; /* position */
} layer;

/* Orthonormal: a reflection. */
static float *new_basis(void) {
    float *basis = random_rows(&dice, D, D), v[D], norm = 0;
    for (size_t i = 0; i < D; i++)
        v[i] = (float)rkv_random_unit(&dice), norm += v[i] * v[i];
    for (size_t i = 0; i < D * D; i++)
        basis[i] = (float)(i / D == i % D) - 2 * v[i / D] * v[i % D] / norm;
    return basis;
}

static layer new_layer(const rkv_row_format *format) {
    layer l = {.next = 3};
    float *basis = new_basis();
    for (size_t g = 0; g < HEADS; g++) {
        l.at_once[g] = new_entries(g, format, basis);
        l.one_by_one[g] = new_entries(g, format, basis);
    }
    free(basis);
    return l;
}

static void clear_layer(layer *l) {
    for (size_t g = 0; g < HEADS; g++)
        rkv_entries_clear(&l->at_once[g]), rkv_entries_clear(&l->one_by_one[g]);
}

static void append(layer *l, size_t m) {
    size_t each = m * D;
    float *x = random_rows(&dice, 2 * HEADS * m, D), *there = upload(x, 2 * HEADS * each);
    int32_t positions[MOST];
    for (size_t i = 0; i < m; i++)
        positions[i] = l->next++;
    assert_int_equal(
        rkv_entries_append_all_there(l->at_once, HEADS, there, there + HEADS * each, positions, m), RKV_OK);
    for (size_t g = 0; g < HEADS; g++) {
        rkv_new_entries more = {m, there + g * each, there + (HEADS + g) * each, positions, NULL};
        assert_int_equal(rkv_entries_append_each_there(&l->one_by_one[g], &more, 1), RKV_OK);
    }
    release(there);
    free(x);
}

/* To each head another number of entries, of some none, with sums; at once in as many launches as a token
 * takes. */
static void append_ragged(layer *l) {
    enum { M = 38 };
    float *x = random_rows(&dice, 2 * HEADS * M, D), *there = upload(x, (size_t)2 * HEADS * M * D),
          *sums = random_rows(&dice, GROUP, M);
    rkv_new_entries more[HEADS];
    int32_t positions[M];
    for (size_t i = 0; i < M; i++)
        positions[i] = l->next++;
    for (size_t g = 0; g < HEADS; g++) {
        size_t keys = g * M * D, values = (HEADS + g) * M * D, n = g % 5 == 4 ? 0 : M - 2 * g;
        more[g] = (rkv_new_entries){n, there + keys, there + values, positions, g % 4 == 1 ? sums : NULL};
        assert_int_equal(rkv_entries_append_each_there(&l->one_by_one[g], &more[g], 1), RKV_OK);
    }
    size_t launches = host_device_launches(), copies = host_device_copies(), waits = host_device_waits();
    assert_int_equal(rkv_entries_append_each_there(l->at_once, more, HEADS), RKV_OK);
    if (is_played) assert_in_range(host_device_launches() - launches, 2, 2 * 4);
    assert_int_equal(host_device_copies(), copies);
    assert_int_equal(host_device_waits(), waits);
    release(there);
    free(x), free(sums);
}

static void set_sums(rkv_entries *e) {
    for (size_t i = 0; e->sums && i < GROUP * e->n; i++)
        e->sums[i] = (float)i;
}

static void check_layer(layer *l) {
    for (size_t g = 0; g < HEADS; g++) {
        set_sums(&l->at_once[g]), set_sums(&l->one_by_one[g]);
        check_same(&l->at_once[g], &l->one_by_one[g]);
    }
    check_read_there(l->at_once);
}

/* Of each head what a random one of the shares says, in tenths; of a head in six nothing, of others all. */
static void keep(layer *l) {
    static const size_t shares[] = {0, 10, 9, 9, 5, 2};
    static uint32_t kept[HEADS][MOST];
    const uint32_t *index[HEADS];
    size_t n[HEADS];
    for (size_t g = 0; g < HEADS; g++) {
        index[g] = kept[g];
        n[g] = random_part(&dice, l->at_once[g].n, shares[rkv_random_below(&dice, 6)], kept[g]);
        assert_int_equal(rkv_entries_keep(&l->one_by_one[g], kept[g], n[g]), RKV_OK);
    }
    assert_int_equal(rkv_entries_keep_all(l->at_once, HEADS, index, n), RKV_OK);
}

static const rkv_row_format formats[][2] = {
    {{.form = RKV_ROWS_F32}, {.form = RKV_ROWS_F32}},
    {{.form = RKV_ROWS_F32}, {.form = RKV_ROWS_F16}},
    {{RKV_ROWS_INT8, RKV_AXIS_CHANNEL, 8}, {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 0}},
    {{RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 32}, {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 5}},
};
#define N_FORMATS (sizeof formats / sizeof *formats)

/* Copies are the same, share bases, and go their own way. */
static void check_copies(const layer *l) {
    layer copies = {.next = l->next};
    size_t launches = host_device_launches(), copied = host_device_copies(), waits = host_device_waits();
    assert_int_equal(rkv_entries_copy_all(copies.at_once, l->at_once, HEADS), RKV_OK);
    if (is_played) assert_in_range(host_device_launches() - launches, 1, 6);
    assert_int_equal(host_device_copies(), copied);
    assert_int_equal(host_device_waits(), waits);
    assert_int_equal(rkv_entries_copy_all(copies.one_by_one, l->one_by_one, HEADS), RKV_OK);
    for (size_t g = 0; g < HEADS; g++) {
        const rkv_store *keys = &l->at_once[g].keys;
        check_same(&copies.at_once[g], &l->at_once[g]);
        assert_true(rkv_store_bytes(keys) >= rkv_store_bytes(&copies.at_once[g].keys) +
                                                 (keys->basis ? keys->rank * D * sizeof(float) : 0));
    }
    append(&copies, 3);
    check_layer(&copies);
    clear_layer(&copies);
    check_layer((layer *)l);
}

static void test_heads_of_a_layer_at_once(void **state) {
    (void)state;
    for (size_t f = 0; f < N_FORMATS; f++) {
        layer l = new_layer(formats[f]);
        check_layer(&l);
        append_ragged(&l);
        for (size_t g = 0; g < HEADS; g++)
            check_same(&l.at_once[g], &l.one_by_one[g]);
        for (size_t step = 0; step < 5; step++) {
            append(&l, step % 2 ? 1 : 41 - step);
            check_layer(&l);
            keep(&l);
            check_layer(&l);
            if (step % 2) check_copies(&l);
        }
        clear_layer(&l);
    }
}

/* A token of a layer, whose heads differ: a launch projects, three store and one thins out, where anything
 * moves; one reads and one expands; nothing is copied or waited for. */
static void test_work_of_a_token(void **state) {
    (void)state;
    enum { AT_ONCE = 8 };
    uint32_t kept[MOST];
    const uint32_t *index[AT_ONCE];
    size_t n[AT_ONCE];
    int32_t position = 1000;
    float *x = random_rows(&dice, AT_ONCE, D), *there = upload(x, (size_t)AT_ONCE * D),
          *read = random_rows(&dice, 2 * AT_ONCE * MOST, D),
          *room = upload(read, (size_t)2 * AT_ONCE * MOST * D), *keys[AT_ONCE], *values[AT_ONCE];
    for (size_t g = 0; g < AT_ONCE; g++)
        keys[g] = room_of(room, 0, g), values[g] = room_of(room, 0, AT_ONCE + g);
    for (size_t f = 0; f < N_FORMATS && is_played; f++) {
        layer l = new_layer(formats[f]);
        append(&l, 40);
        for (uint32_t step = 0; step < 40; step++) {
            for (uint32_t i = 0; i < 40; i++)
                kept[i] = i + (i >= step % 9);
            for (size_t g = 0; g < AT_ONCE; g++)
                index[g] = kept, n[g] = 40;
            size_t launches = host_device_launches(), copies = host_device_copies(),
                   waits = host_device_waits();
            assert_int_equal(rkv_entries_append_all_there(l.at_once, AT_ONCE, there, there, &position, 1),
                             RKV_OK);
            assert_int_equal(rkv_entries_keep_all(l.at_once, AT_ONCE, index, n), RKV_OK);
            position++;
            assert_in_range(host_device_launches() - launches, 2, 5);
            launches = host_device_launches();
            assert_int_equal(rkv_entries_read_all_there(l.at_once, AT_ONCE, keys, values), RKV_OK);
            assert_int_equal(host_device_launches(), launches + 2);
            assert_int_equal(host_device_copies(), copies);
            assert_int_equal(host_device_waits(), waits);
        }
        clear_layer(&l);
    }
    release(there), release(room);
    free(x), free(read);
}

/* ---- a window ---- */

enum { WINDOW = 100, SINKS = 4 };

/* The oldest entry but the first few goes when one comes. */
static void slide(rkv_entries *e, const float *there, int32_t position) {
    uint32_t kept[WINDOW];
    for (uint32_t i = 0; i < WINDOW; i++)
        kept[i] = i + (i >= SINKS);
    assert_int_equal(rkv_entries_append_all_there(e, 1, there, there, &position, 1), RKV_OK);
    assert_int_equal(rkv_entries_keep(e, kept, WINDOW), RKV_OK);
}

static rkv_entries new_window(const rkv_row_format *format, const float *there) {
    int32_t positions[WINDOW];
    rkv_entries e = new_entries(0, format, NULL);
    for (int32_t i = 0; i < WINDOW; i++)
        positions[i] = i;
    assert_int_equal(rkv_entries_append_all_there(&e, 1, there, there, positions, WINDOW), RKV_OK);
    slide(&e, there, WINDOW); /* there is room for some more from now on */
    return e;
}

/* A window over a model of 30 layers: there is room for an eighth more entries than it has, so that a token
 * moves about eight of 100, which is a twelfth of what a head holds. By channel also the groups' first
 * rows, their scales where one has gone, and a tail that grows. */
static void test_window_moves_few_rows(void **state) {
    (void)state;
    enum { LAYERS = 30, TOKENS = 60 };
    float *x = random_rows(&dice, WINDOW, D), *there = upload(x, (size_t)WINDOW * D);
    for (size_t f = 0; f < N_FORMATS && is_played; f++) {
        rkv_entries layers[LAYERS];
        size_t share = rows_by_channel(&formats[f][0]) ? 4 : 12, held = 0;
        for (size_t l = 0; l < LAYERS; l++)
            layers[l] = new_window(formats[f], there);
        size_t before = host_device_moved();
        for (int32_t token = 1; token <= TOKENS; token++)
            for (size_t l = 0; l < LAYERS; l++)
                slide(&layers[l], there, WINDOW + token);
        for (size_t l = 0; l < LAYERS; l++) {
            held += rkv_entries_kv_bytes(&layers[l]);
            rkv_entries_clear(&layers[l]);
        }
        size_t moved = (host_device_moved() - before) / TOKENS;
        if (!moved || moved > held / share)
            fail_msg("format %zu: a token moves %zu bytes of %zu", f, moved, held);
    }
    release(there);
    free(x);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads_of_a_layer_at_once),
        cmocka_unit_test(test_work_of_a_token),
        cmocka_unit_test(test_window_moves_few_rows),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv) {
    return run_in_places(argc, argv, "entries", run);
}
