/* cpu_project.c: rows as their coordinates on a basis, and back. */
#include <string.h>

#include "backend/basis.h"
#include "backend/cpu.h"
#include "core/simd.h"

/* A product is summed in so many parts, so that it vectorises. */
enum { PARTS = 16 };

RKV_CLONES
static void project(const float *basis, size_t rank, size_t width, const float *from, size_t n, float *to,
                    size_t stride) {
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rank; r++) {
            const float *row = from + i * width, *axis = basis + r * width;
            float part[PARTS] = {0}, sum = 0;
            size_t d = 0;
            for (; d + PARTS <= width; d += PARTS)
                for (size_t k = 0; k < PARTS; k++)
                    part[k] += row[d + k] * axis[d + k];
            for (; d < width; d++)
                sum += row[d] * axis[d];
            for (size_t k = 0; k < PARTS; k++)
                sum += part[k];
            to[i * stride + r] = sum;
        }
}

RKV_CLONES
static void expand(const float *basis, size_t rank, size_t width, const float *from, size_t stride, size_t n,
                   float *to) {
    memset(to, 0, n * width * sizeof *to);
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rank; r++)
            for (size_t d = 0; d < width; d++)
                to[i * width + d] += from[i * stride + r] * basis[r * width + d];
}

void rkv_basis_project(const float *basis, size_t rank, size_t width, const float *from, size_t n, float *to,
                       size_t stride) {
    project(basis, rank, width, from, n, to, stride);
}

void rkv_basis_expand(const float *basis, size_t rank, size_t width, const float *from, size_t stride,
                      size_t n, float *to) {
    expand(basis, rank, width, from, stride, n, to);
}

rkv_status rkv_cpu_project(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    (void)backend;
    for (const rkv_basis_rows *l = lists; l < lists + n_lists; l++)
        project(l->basis, l->rank, width, l->from, l->n, l->to, l->stride);
    return RKV_OK;
}

rkv_status rkv_cpu_expand(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width) {
    (void)backend;
    for (const rkv_basis_rows *l = lists; l < lists + n_lists; l++)
        expand(l->basis, l->rank, width, l->from, l->stride, l->n, l->to);
    return RKV_OK;
}
