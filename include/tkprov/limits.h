/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - the numbers that every part of tkprov agrees on.
 *
 * Sizes are bytes unless a name says otherwise.  The key layouts are HAProxy's:
 *   48 bytes  name16 aes16 hmac16  (AES-128-CBC, HMAC-SHA-256)
 *   80 bytes  name16 aes32 hmac32  (AES-256-CBC, HMAC-SHA-256)
 */
#ifndef TKPROV_LIMITS_H
#define TKPROV_LIMITS_H

#define TK_NAME_LEN 16     /* public key name, in clear at the start of a ticket */
#define TK_NAME_HEX 32     /* its digits, without a NUL */
#define TK_KEY_128_LEN 48  /* a key with AES-128 */
#define TK_KEY_256_LEN 80  /* a key with AES-256 */
#define TK_KEY_LEN_MAX 80

#define TK_SLOTS_MIN 1
#define TK_SLOTS_MAX 32
#define TK_SLOTS_DEFAULT 3

#define TK_SNI_MAX 255       /* longest server name that is looked at */
#define TK_RING_NAME_MAX 255 /* a ring's name or file, as shown */
#define TK_PATH_MAX 4096
#define TK_SOCKET_PATH_MAX 100 /* leaves room for ".new" in sun_path */
#define TK_SOCKETS_MAX 16
#define TK_SPARE_RINGS 64 /* vault capacity above the configured rings */

#define TK_LINE_MAX 16384 /* a command line, LF included */
#define TK_WORDS_MAX 64   /* words of one command */

#define TK_PROGRAM_LEN 32 /* a program's base name, NUL included, cut if longer */

#endif
