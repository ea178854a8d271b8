/* metric_limits.h: what the names of metrics count, for every device: keys at the start, near and far. */
#ifndef RKV_BACKEND_METRIC_LIMITS_H
#define RKV_BACKEND_METRIC_LIMITS_H

#define RKV_SINK_KEYS     4    /* sink_4 */
#define RKV_LOCAL_KEYS    32   /* local_32 */
#define RKV_LONG_DISTANCE 256  /* long_256 */
#define RKV_KEYS_MASS     0.95 /* keys_95 */

#endif
