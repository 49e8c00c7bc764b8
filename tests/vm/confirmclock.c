/* Tells the kernel what a time service tells it once the clock is right (adjtimex(2)): synchronised, to a millisecond.
 * Setting the clock takes that back. */
#include <stdio.h>
#include <sys/timex.h>

int main(void) {
    struct timex state = {.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR, .maxerror = 1000, .esterror = 1000};
    if (adjtimex(&state) < 0) {
        perror("adjtimex");
        return 1;
    }
    return 0;
}
