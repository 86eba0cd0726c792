/* Simulated annealing for a tour through random cities.   usage: tour SEED COOLING STEPS */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CITIES 60

static double x[CITIES], y[CITIES];
static int tour[CITIES];
static unsigned long long state;

static double uniform(void) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(state >> 11) / 9007199254740992.0;
}

static double leg(int i, int j) {
    int a = tour[i % CITIES], b = tour[j % CITIES];
    return hypot(x[a] - x[b], y[a] - y[b]);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s SEED COOLING STEPS\n", argv[0]);
        return 2;
    }
    state = strtoull(argv[1], NULL, 10) * 2654435761ULL + 12345;
    double cooling = atof(argv[2]), temperature = 1.0;
    long steps = atol(argv[3]);

    for (int i = 0; i < CITIES; i++) {
        x[i] = uniform();
        y[i] = uniform();
        tour[i] = i;
    }
    for (long step = 0; step < steps; step++) {
        int i = 1 + (int)(uniform() * (CITIES - 1)), j = 1 + (int)(uniform() * (CITIES - 1));
        if (i > j) { int t = i; i = j; j = t; }
        double before = leg(i - 1, i) + leg(j, j + 1);
        double after = hypot(x[tour[i - 1]] - x[tour[j]], y[tour[i - 1]] - y[tour[j]])
                     + hypot(x[tour[i]] - x[tour[(j + 1) % CITIES]], y[tour[i]] - y[tour[(j + 1) % CITIES]]);
        if (after < before || uniform() < exp((before - after) / temperature))
            for (; i < j; i++, j--) { int t = tour[i]; tour[i] = tour[j]; tour[j] = t; }
        temperature *= cooling;
    }
    double length = 0;
    for (int i = 0; i < CITIES; i++) length += leg(i, i + 1);
    printf("length %.6f\n", length);
    return 0;
}
