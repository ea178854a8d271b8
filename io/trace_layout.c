/* trace_layout.c: the fields of the model that are root attributes of trace.h5. */
#include "io/trace_layout.h"

#define FIELD(name, member)                                                                                  \
    { name, offsetof(rkv_model_info, member) }

const rkv_trace_field rkv_trace_numbers[RKV_TRACE_N_NUMBERS] = {
    FIELD("n_layers", n_layers), FIELD("n_heads", n_heads),     FIELD("n_kv_heads", n_kv_heads),
    FIELD("head_dim", head_dim), FIELD("n_embd", n_embd),       FIELD("n_ff", n_ff),
    FIELD("n_vocab", n_vocab),   FIELD("n_context", n_context), FIELD("n_parameters", n_parameters),
};

const rkv_trace_field rkv_trace_strings[RKV_TRACE_N_STRINGS] = {
    FIELD("model_name", name),
    FIELD("model_architecture", architecture),
    FIELD("model_file_type", file_type),
};
