/* palette.h: how series are told apart: colours, signs and dashes. */
#ifndef RKV_VIZ_PALETTE_H
#define RKV_VIZ_PALETTE_H

#include "viz/scene.h"

/* Colours that are told apart with every kind of colour vision, each with a sign of its own. */
#define RKV_COLOURS 12
/* Colours with signs and dashes: so many series look different. */
#define RKV_LOOKS   48

#define RKV_CONTROL RKV_RGB(150, 158, 168)

/* How a series looks. */
typedef struct rkv_look {
    uint32_t colour;
    size_t index; /* of the look: what is staggered goes by it */
    size_t sign;
    rkv_dash dash;
    double filling; /* of signs and bars: 1 is full, 0 an outline */
    bool muted;
} rkv_look;

/* Looks 0 .. RKV_LOOKS - 1; they repeat after that. */
rkv_look rkv_look_at(size_t index);
rkv_look rkv_look_muted(void);

/* A colour mixed with white: share 1 is the colour itself. */
uint32_t rkv_tint(uint32_t colour, double share);

/* Adds the look's sign; size is about half of its height. */
void rkv_add_sign(rkv_scene *scene, const rkv_look *look, rkv_point centre, double size);

#endif
