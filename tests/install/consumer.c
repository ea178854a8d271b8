/* consumer.c: the smallest program that uses an installed RankKV (check_install.sh builds and runs it). */
#include <rankkv/rankkv.h>

#include <stdio.h>

int main(void) {
    const float identity[4] = {1, 0, 0, 1};
    double erank = 0;
    if (rkv_effective_rank(identity, 2, 2, RKV_SOLVER_SVD, &erank, NULL) != RKV_OK) {
        fprintf(stderr, "%s\n", rkv_message());
        return 1;
    }
    printf("RankKV %s: the effective rank of the 2 x 2 identity is %.6f\n", rkv_version(), erank);
    return erank > 1.999999 && erank < 2.000001 ? 0 : 1;
}
