/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - owns the connection's ex_data index and the note that gen leaves for seal.
 *
 * The word is a number in a pointer's clothes: nothing to free.  Its lowest bit is set when the
 * connection is made: connections of another library context have another's data at this
 * index, pointers, and those are even.
 */
#include "provider/conn.h"

#include "core/names.h"
#include "provider/exindex.h"

/* The word: marks in the lowest byte, the cell, the ring. */
#define OURS 1u
#define HAS_RING 2u
#define TO_JUDGE 4u
#define FIRST_MARK 8u
#define CELL_SHIFT 8
#define RING_SHIFT 16

#define MARK(mark) ((uintptr_t)FIRST_MARK << (mark))

static int conn_index = -1;

/* gen runs just before the ticket is built, in the same thread and on the same SSL. */
static _Thread_local struct {
	const SSL *ssl; /* NULL: nothing announced */
	struct tk_announced what;
} note;

static void new_func(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	(void)parent, (void)ptr, (void)argl, (void)argp;
	(void)CRYPTO_set_ex_data(ad, idx, (void *)(uintptr_t)OURS);
}

int tk_conn_init(struct tk_error *e)
{
	if (conn_index == -1)
		conn_index = tk_exindex_new(CRYPTO_EX_INDEX_SSL, new_func, NULL);
	if (conn_index == -1)
		return tk_err_set(e, TK_E_CRYPTO, "no ex_data index for connections");
	return 0;
}

void tk_conn_hello_name(SSL *s, const char **name, size_t *len)
{
	const unsigned char *ext;
	size_t ext_len;

	*name = NULL;
	*len = 0;
	if (SSL_client_hello_get0_ext(s, TLSEXT_TYPE_server_name, &ext, &ext_len) == 1)
		(void)tk_names_from_ext(ext, ext_len, name, len);
}

const char *tk_conn_name(SSL *s)
{
	return SSL_get_servername(s, TLSEXT_NAMETYPE_host_name);
}

/* QUIC has a number of its own, below all of these. */
bool tk_conn_is_old(const SSL *s)
{
	int version = SSL_version(s);

	return SSL_is_dtls(s) || (version >= SSL3_VERSION && version <= TLS1_2_VERSION);
}

/* 0 where the connection is none of ours. */
static uintptr_t get_word(SSL *s)
{
	uintptr_t word = (uintptr_t)SSL_get_ex_data(s, conn_index);

	return word & OURS ? word : 0;
}

static bool put_word(SSL *s, uintptr_t word)
{
	return (word & OURS) != 0 && SSL_set_ex_data(s, conn_index, (void *)word) == 1;
}

int tk_conn_opened(SSL *s, int ring, unsigned cell, bool *again)
{
	uintptr_t key = (uintptr_t)(unsigned)ring << RING_SHIFT | (cell & 0xff) << CELL_SHIFT |
			HAS_RING | OURS;
	uintptr_t word = get_word(s);

	*again = (word >> CELL_SHIFT) == (key >> CELL_SHIFT) && (word & HAS_RING) != 0 &&
		 (word & (MARK(TK_CONN_RESUMED) | MARK(TK_CONN_RENEWED))) == 0;
	if (word == 0 || !put_word(s, (*again ? word : key) | TO_JUDGE))
		return TK_E_NOMEM;
	return 0;
}

int tk_conn_judge(SSL *s)
{
	uintptr_t word = get_word(s);

	if (!(word & TO_JUDGE))
		return TK_NO_RING;
	(void)put_word(s, word & ~(uintptr_t)TO_JUDGE);
	return (int)(word >> RING_SHIFT);
}

int tk_conn_ticket(SSL *s, unsigned *cell)
{
	uintptr_t word = get_word(s);

	*cell = word >> CELL_SHIFT & 0xff;
	return word & HAS_RING ? (int)(word >> RING_SHIFT) : TK_NO_RING;
}

bool tk_conn_mark(SSL *s, enum tk_conn_mark mark)
{
	uintptr_t word = get_word(s);

	return put_word(s, word | MARK(mark)) && (word & MARK(mark)) == 0;
}

void tk_conn_gen(const SSL *s, const struct tk_announced *what)
{
	note.ssl = s;
	note.what = *what;
}

bool tk_conn_gen_take(const SSL *s, struct tk_announced *what)
{
	bool ran = note.ssl == s;

	note.ssl = NULL;
	*what = ran ? note.what : (struct tk_announced){ 0 };
	return ran;
}

bool tk_conn_gen_unsealed(struct tk_announced *what)
{
	*what = note.what;
	return note.ssl != NULL && note.what.watched;
}
