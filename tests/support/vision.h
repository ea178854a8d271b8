/* vision.h: how far apart two colours look, with every kind of colour vision, and against what they lie on.
 */
#ifndef RKV_TEST_VISION_H
#define RKV_TEST_VISION_H

#include <stdint.h>

/* The least distance of two colours (0xRRGGBB) in Oklab over normal, protan, deutan and tritan vision: 0.02
 * is about what is just seen, and Okabe and Ito's own closest pair lies 0.076 apart. */
double vision_distance(uint32_t a, uint32_t b);

/* WCAG's contrast of two colours, 1 to 21. */
double vision_contrast(uint32_t a, uint32_t b);

#endif
