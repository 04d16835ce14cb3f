/* SPDX-License-Identifier: Apache-2.0 */
/* imports.c - a program that could set ticket callbacks of its own, in the ways in which a
 * program can be linked to the function; it makes a server context and waits. */
#include <openssl/ssl.h>
#include <unistd.h>

typedef int set_fn(SSL_CTX *, SSL_CTX_generate_session_ticket_fn, SSL_CTX_decrypt_session_ticket_fn,
		   void *);

#ifdef ADDRESS
static set_fn *volatile set = SSL_CTX_set_session_ticket_cb;
#else
#define set SSL_CTX_set_session_ticket_cb
#endif

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	(void)argv;
	if (argc > 100)
		set(ctx, NULL, NULL, NULL);
	for (;;)
		pause();
}
