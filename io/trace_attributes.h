/* trace_attributes.h: the root attributes of a foreign trace.h5, through HDF5: in the child of
 * trace_inspect.h. */
#ifndef RKV_IO_TRACE_ATTRIBUTES_H
#define RKV_IO_TRACE_ATTRIBUTES_H

#include "io/hdf5_session.h"
#include "io/trace_inspect.h"

/* schema and schema_version, where they are given, are ours. */
rkv_status rkv_trace_check_schema(hid_t file);

/* Completes facts->info and facts->strings; n_layers and n_heads are those of the attention and stay. */
rkv_status rkv_trace_get_model(hid_t file, rkv_trace_facts *facts);

#endif
