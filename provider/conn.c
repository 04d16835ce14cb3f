/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn.c - owns the connection's ex_data index and the note that gen leaves for seal.
 *
 * The word: bit 0 says that a ring follows, bit 1 that dec has still to judge, the ring
 * stands above bit 8.  It is a number in a pointer's clothes: nothing to free.
 */
#include "provider/conn.h"

#include "core/names.h"
#include "provider/exindex.h"

/* The word: marks in the lowest byte, the cell, the ring. */
#define HAS_RING 1u
#define TO_JUDGE 2u
#define FIRST_MARK 4u
#define CELL_SHIFT 8
#define RING_SHIFT 16

static int conn_index = -1;

/* gen runs just before the ticket is built, in the same thread and on the same SSL.
 * Contexts are known by their ids: both may be gone when the note is read. */
static _Thread_local struct {
	const SSL *ssl;  /* NULL: nothing announced */
	uint64_t id;     /* of the context that it was announced on */
	uint64_t sealed; /* of the context that our seal last ran on */
} note;

int tk_conn_init(struct tk_error *e)
{
	if (conn_index == -1)
		conn_index = tk_exindex_new(CRYPTO_EX_INDEX_SSL, NULL, NULL);
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

bool tk_conn_old_resumed(SSL *s)
{
	int version = SSL_version(s);

	return SSL_session_reused(s) == 1 &&
	       (SSL_is_dtls(s) || (version >= SSL3_VERSION && version <= TLS1_2_VERSION));
}

static uintptr_t get_word(SSL *s)
{
	return (uintptr_t)SSL_get_ex_data(s, conn_index);
}

static void put_word(SSL *s, uintptr_t word)
{
	(void)SSL_set_ex_data(s, conn_index, (void *)word);
}

bool tk_conn_opened(SSL *s, int ring, unsigned cell)
{
	uintptr_t key = (uintptr_t)(unsigned)ring << RING_SHIFT | (cell & 0xff) << CELL_SHIFT |
			HAS_RING;
	uintptr_t word = get_word(s);
	bool again = (word >> CELL_SHIFT) == (key >> CELL_SHIFT) && (word & HAS_RING) != 0;

	put_word(s, (again ? word : key) | TO_JUDGE);
	return !again;
}

int tk_conn_judge(SSL *s)
{
	uintptr_t word = get_word(s);

	if (!(word & TO_JUDGE))
		return TK_NO_RING;
	put_word(s, word & ~(uintptr_t)TO_JUDGE);
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
	uintptr_t word = get_word(s), bit = (uintptr_t)FIRST_MARK << mark;

	put_word(s, word | bit);
	return (word & bit) == 0;
}

void tk_conn_gen(SSL *s, const struct tk_context *c)
{
	note.ssl = s;
	note.id = c->id;
}

bool tk_conn_gen_ran(SSL *s)
{
	bool ran = note.ssl == s;

	if (ran)
		note.sealed = note.id;
	note.ssl = NULL;
	return ran;
}

bool tk_conn_gen_unsealed(const struct tk_context *c)
{
	return note.ssl != NULL && note.id == c->id && note.sealed != c->id;
}
