/* page.h: the files of viz/page, as the build put them into the library (cmake/RankKVPage.cmake). */
#ifndef RKV_VIZ_PAGE_H
#define RKV_VIZ_PAGE_H

#include <stddef.h>

typedef struct rkv_page_text {
    const char *bytes;
    size_t length;
} rkv_page_text;

/* page.html, a template; all style sheets; all scripts. */
extern const rkv_page_text rkv_page_template, rkv_page_style, rkv_page_script;

#endif
