/* svg.h: a scene as SVG: text stays text, groups stay groups. */
#ifndef RKV_VIZ_SVG_H
#define RKV_VIZ_SVG_H

#include "viz/scene.h"

/* Writes a scene of fills, labels, paths and dots that rkv_scene_check let pass. title and description
 * (printable, or NULL) are for those who do not see the picture. One unit of the page is `pixels` pixels of
 * the scene. */
rkv_status rkv_svg_write(const rkv_scene *scene, const char *path, const char *title, const char *description,
                         double pixels);

#endif
