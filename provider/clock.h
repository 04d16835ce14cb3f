/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - what time it is.
 */
#ifndef TK_CLOCK_H
#define TK_CLOCK_H

#include <stdint.h>

int64_t tk_now(void);          /* seconds since the epoch */
int64_t tk_monotonic_ms(void);

#endif
