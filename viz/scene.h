/* scene.h: a picture as a list of things to paint, laid out before any pixel is made.
 *
 * A figure builds a scene; painting walks it band by band, so that memory does not grow with the picture.
 * Additions that fail are latched as in rkv_text: the writing of the picture reports them. */
#ifndef RKV_VIZ_SCENE_H
#define RKV_VIZ_SCENE_H

#include "viz/lettering.h"
#include "viz/png_file.h"
#include "viz/raster.h"

/* A matrix of values shown as colours: value [rows, columns], each a block of pixels. */
typedef struct rkv_image {
    const float *value; /* borrowed until the scene was written */
    size_t rows, columns;
    int cell_width, cell_height;
    bool causal; /* cells right of the diagonal take the masked colour */
    rkv_shade shade;
} rkv_image;

/* A place in the picture, in pixels and parts of them. */
typedef struct rkv_point {
    double x, y;
} rkv_point;

typedef enum rkv_dash { RKV_SOLID, RKV_DASHED, RKV_DOTTED, RKV_DASH_DOTTED, RKV_DASH_COUNT } rkv_dash;

/* How a path is filled and drawn; an opacity of 0 leaves that out. */
typedef struct rkv_pen {
    uint32_t fill, stroke;
    double fill_opacity, stroke_opacity;
    double width_px;
    rkv_dash dash;
} rkv_pen;

typedef enum rkv_item_kind {
    RKV_ITEM_FILL,
    RKV_ITEM_IMAGE,
    RKV_ITEM_RAMP,
    RKV_ITEM_LABEL,
    RKV_ITEM_PATH,
    RKV_ITEM_DOT,
    RKV_ITEM_GROUP, /* what follows until the end belongs together: seen by formats that know groups */
    RKV_ITEM_END
} rkv_item_kind;

typedef struct rkv_item {
    rkv_item_kind kind;
    rkv_box box;
    uint32_t colour;              /* fill, label */
    rkv_image image;              /* image */
    const rkv_colormap *colormap; /* ramp: the whole map, its last colour on top */
    char *text;                   /* label; group: its name or NULL. Owned by the scene */
    rkv_type type;
    bool turned;
    rkv_point *point; /* path [n_points], dot [1]: owned by the scene */
    size_t n_points;
    bool closed;        /* path */
    double radius;      /* dot */
    rkv_pen pen;        /* path, dot */
    const char *family; /* group: what kind of thing it is, a static word */
} rkv_item;

typedef struct rkv_scene {
    int width, height;
    rkv_item *item;
    size_t n_items, capacity;
    rkv_lettering *lettering; /* NULL: labels are left out */
    size_t band_pixels;       /* painted at once, but at least one row; the picture does not depend on it */
    rkv_status status;
    char message[256]; /* of status */
} rkv_scene;

/* Labelled scenes need lettering: RKV_UNAVAILABLE. */
rkv_status rkv_scene_open(rkv_scene *scene, bool labelled);
void rkv_scene_close(rkv_scene *scene);

/* Keeps the first failure, and its message, for rkv_scene_check. */
void rkv_scene_latch(rkv_scene *scene, rkv_status status);

#define RKV_RGB(r, g, b) ((uint32_t)(r) << 16 | (uint32_t)(g) << 8 | (uint32_t)(b))

void rkv_scene_fill(rkv_scene *scene, rkv_box box, uint32_t colour);
/* Outlines box on the pixels just outside it. */
void rkv_scene_frame(rkv_scene *scene, rkv_box box, uint32_t colour);
void rkv_scene_image(rkv_scene *scene, int x, int y, const rkv_image *image);
void rkv_scene_ramp(rkv_scene *scene, rkv_box box, const rkv_colormap *colormap);

/* A line through point [n], or the shape that it encloses, and a filled circle. */
void rkv_scene_path(rkv_scene *scene, const rkv_point *point, size_t n, bool closed, const rkv_pen *pen);
void rkv_scene_dot(rkv_scene *scene, rkv_point centre, double radius, const rkv_pen *pen);

/* What is added until rkv_scene_end is one thing; name (printable) may be NULL. */
void rkv_scene_group(rkv_scene *scene, const char *family, const char *name);
void rkv_scene_end(rkv_scene *scene);

/* Which point of a label's box its x, y is. */
typedef enum rkv_anchor { RKV_LEFT, RKV_CENTRE, RKV_RIGHT } rkv_anchor;

/* A label of one line. Across: x is the left, centre or right of the text and y the top of its line. Turned
 * (reading upward): y is the bottom, centre or top of the text and x the left of its line. What is longer
 * than max_px is cut with an ellipsis; max_px <= 0: no limit. Returns the length that the text takes. */
typedef struct rkv_label {
    const char *text;
    int x, y;
    rkv_anchor anchor;
    rkv_type type;
    uint32_t colour;
    int max_px;
    bool turned;
} rkv_label;
int rkv_scene_label(rkv_scene *scene, const rkv_label *label);

/* The length of a text, 0 without lettering. */
int rkv_scene_text_width(const rkv_scene *scene, const char *text, rkv_type type);

/* Adds text (anything: it is made printable) as lines of at most max_px > 0, broken at newlines and blanks;
 * of more than `most` lines the last is cut. x, y is the top left. Returns the bottom; nothing is added when
 * `add` is false. */
int rkv_scene_paragraph(rkv_scene *scene, const rkv_label *label, size_t most, bool add);

/* What failed while the scene was made, or RKV_USAGE when it is larger than RKV_PICTURE_LIMIT_PX. */
rkv_status rkv_scene_check(const rkv_scene *scene);

/* Paints a scene that rkv_scene_check let pass into path. */
rkv_status rkv_scene_write(const rkv_scene *scene, const char *path, const rkv_png_text *text, size_t n_text);

#endif
