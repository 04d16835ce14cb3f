/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near.h - how far apart two words are, to propose what was probably meant.
 *
 * Pure.
 */
#ifndef TK_NEAR_H
#define TK_NEAR_H

#include <stddef.h>

#define TK_NEAR_MAX 32 /* longer words count as far off */

/* How many letters have to be added, dropped, changed or swapped with their neighbour to
 * make b[0..lb) of a[0..la); UINT_MAX if either is longer than TK_NEAR_MAX. */
unsigned tk_near_distance(const char *a, size_t la, const char *b, size_t lb);

/* How far a word may be from one of len letters and still be meant for it. */
unsigned tk_near_allowed(size_t len);

#endif
