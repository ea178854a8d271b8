/* config.c: what a model's layers are made of. */
#include "model/config.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

static const rkv_architecture architectures[] = {
    {.name = "llama", .pairing = RKV_ROPE_ADJACENT}, /* llama.cpp's converter permutes the rows of Q and K */
};

const rkv_architecture *rkv_architecture_at(size_t index) {
    return index < sizeof architectures / sizeof *architectures ? &architectures[index] : NULL;
}

static rkv_status find_architecture(const rkv_architecture **out, const rkv_gguf *file) {
    rkv_gguf_string name;
    rkv_status status = rkv_gguf_str(file, "general.architecture", &name);
    const rkv_architecture *row;
    for (size_t i = 0; !status && (row = rkv_architecture_at(i)); i++)
        if (strlen(row->name) == name.length && memcmp(row->name, name.bytes, name.length) == 0) {
            *out = row;
            return RKV_OK;
        }
    if (status) return status;
    return rkv_fail(RKV_DATA, "%s: general.architecture '%.*s' is not one that RankKV runs (llama)",
                    rkv_gguf_path(file), (int)(name.length < 64 ? name.length : 64), name.bytes);
}

/* The key "ARCHITECTURE.NAME". */
typedef struct key {
    char text[96];
} key;

static key key_of(const rkv_config *config, const char *name) {
    key k;
    snprintf(k.text, sizeof k.text, "%s.%s", config->architecture->name, name);
    return k;
}

/* A count within [1, limit]. `otherwise` stands in for a missing key; 0: the key must be there. */
static rkv_status read_count(const rkv_gguf *file, const rkv_config *config, const char *name,
                             size_t otherwise, size_t limit, size_t *value) {
    key k = key_of(config, name);
    *value = otherwise;
    if (otherwise && !rkv_gguf_has(file, k.text)) return RKV_OK;
    uint64_t number;
    rkv_status status = rkv_gguf_u64(file, k.text, &number);
    if (status) return status;
    if (number < 1 || number > limit)
        return rkv_fail(RKV_DATA, "%s: %s is %llu: 1 to %zu are possible", rkv_gguf_path(file), k.text,
                        (unsigned long long)number, limit);
    *value = (size_t)number;
    return RKV_OK;
}

static rkv_status read_positive(const rkv_gguf *file, const rkv_config *config, const char *name,
                                double otherwise, double *value) {
    key k = key_of(config, name);
    *value = otherwise;
    if (otherwise > 0 && !rkv_gguf_has(file, k.text)) return RKV_OK;
    rkv_status status = rkv_gguf_f64(file, k.text, value);
    if (!status && !(*value > 0 && *value < 1e12))
        return rkv_fail(RKV_DATA, "%s: %s is %g: it must be positive and below 1e12", rkv_gguf_path(file),
                        k.text, *value);
    return status;
}

/* Rotary scaling: none and linear are computed, others would give wrong numbers silently. Without a type, a
 * factor means linear; files of old have it as rope.scale_linear. A factor of 0 means none. */
static rkv_status read_rope_scaling(const rkv_gguf *file, rkv_config *config) {
    key type = key_of(config, "rope.scaling.type"), factor = key_of(config, "rope.scaling.factor");
    rkv_gguf_string name = {"linear", 6};
    rkv_status status = rkv_gguf_has(file, type.text) ? rkv_gguf_str(file, type.text, &name) : RKV_OK;
    double scale = 0;
    config->rope_scale = 1;
    if (status || (name.length == 4 && memcmp(name.bytes, "none", 4) == 0)) return status;
    if (name.length != 6 || memcmp(name.bytes, "linear", 6) != 0)
        return rkv_fail(RKV_DATA, "%s: %s '%.*s' is not computed by RankKV (none, linear)",
                        rkv_gguf_path(file), type.text, (int)(name.length < 64 ? name.length : 64),
                        name.bytes);
    if (!rkv_gguf_has(file, factor.text)) factor = key_of(config, "rope.scale_linear");
    if (rkv_gguf_has(file, factor.text)) status = rkv_gguf_f64(file, factor.text, &scale);
    if (!status && !(scale >= 0 && scale < 1e12))
        return rkv_fail(RKV_DATA, "%s: %s is %g: it must be 0 or positive, and below 1e12",
                        rkv_gguf_path(file), factor.text, scale);
    if (scale > 0) config->rope_scale = scale;
    return status;
}

static rkv_status refuse_experts(const rkv_gguf *file, const rkv_config *config) {
    key k = key_of(config, "expert_count");
    uint64_t experts = 0;
    rkv_status status = rkv_gguf_has(file, k.text) ? rkv_gguf_u64(file, k.text, &experts) : RKV_OK;
    if (!status && experts > 0)
        return rkv_fail(RKV_DATA, "%s: %s is %llu: mixtures of experts are not computed by RankKV",
                        rkv_gguf_path(file), k.text, (unsigned long long)experts);
    return status;
}

/* What the numbers must be to one another. */
static rkv_status check_shape(const rkv_gguf *file, const rkv_config *c) {
    const char *path = rkv_gguf_path(file), *prefix = c->architecture->name;
    size_t rotated;
    rkv_status status = read_count(file, c, "rope.dimension_count", c->head_dim, 1 << 20, &rotated);
    if (status) return status;
    if (c->n_heads % c->n_kv_heads)
        return rkv_fail(RKV_DATA, "%s: %s.attention.head_count %zu is no multiple of head_count_kv %zu", path,
                        prefix, c->n_heads, c->n_kv_heads);
    if (c->head_dim % 2)
        return rkv_fail(RKV_DATA, "%s: %s.attention.key_length %zu is odd: rotations need pairs", path,
                        prefix, c->head_dim);
    if (rotated != c->head_dim)
        return rkv_fail(RKV_DATA,
                        "%s: %s.rope.dimension_count %zu is not the head's %zu: partial rotation is not "
                        "computed by RankKV",
                        path, prefix, rotated, c->head_dim);
    return RKV_OK;
}

rkv_status rkv_config_read(rkv_config *out, const rkv_gguf *file) {
    rkv_config c = {0};
    double eps = 0;
    size_t value_dim = 0;
    rkv_status status = find_architecture(&c.architecture, file);
    if (!status) status = read_count(file, &c, "block_count", 0, 4096, &c.n_layers);
    if (!status) status = read_count(file, &c, "context_length", 0, (size_t)1 << 24, &c.n_context);
    if (!status) status = read_count(file, &c, "embedding_length", 0, (size_t)1 << 20, &c.n_embd);
    if (!status) status = read_count(file, &c, "feed_forward_length", 0, (size_t)1 << 22, &c.n_ff);
    if (!status) status = read_count(file, &c, "attention.head_count", 0, 4096, &c.n_heads);
    if (!status) status = read_count(file, &c, "attention.head_count_kv", c.n_heads, 4096, &c.n_kv_heads);
    size_t dim = c.n_heads ? c.n_embd / c.n_heads : 0;
    if (!status) status = read_count(file, &c, "attention.key_length", dim ? dim : 1, 4096, &c.head_dim);
    if (!status) status = read_count(file, &c, "attention.value_length", c.head_dim, 4096, &value_dim);
    if (!status && value_dim != c.head_dim)
        status = rkv_fail(RKV_DATA, "%s: %s.attention.value_length %zu is not key_length %zu",
                          rkv_gguf_path(file), c.architecture->name, value_dim, c.head_dim);
    if (!status) status = read_positive(file, &c, "attention.layer_norm_rms_epsilon", 0, &eps);
    if (!status) status = read_positive(file, &c, "rope.freq_base", 10000, &c.rope_base);
    if (!status) status = read_rope_scaling(file, &c);
    if (!status) status = refuse_experts(file, &c);
    if (!status) status = check_shape(file, &c);
    if (status) return status;
    c.norm_eps = (float)eps;
    *out = c;
    return RKV_OK;
}
