/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tlsc.c - the tests' TLS client: one or more connections, each told as one line of
 * JSON: {"ok":true,"reused":false,"version":"TLSv1.3","name":"HEX","early":"none",
 * "body":"...","error":""}.  name is the key name at the start of the newest ticket.
 *
 * usage: tlsc HOST:PORT [-2|-3] [-n SNI] [-c CERT -k KEY] [-i SESSION] [-o SESSION]
 *             [-e] [-x COUNT] [-C] [-H HOST]
 *   -i, -o  session file to offer, to write (the newest ticket's)
 *   -e      send the request as early data
 *   -x N    N connections; each offers the session of -i, or with -C that of the one before
 */
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BODY_MAX 65536

struct options {
	const char *where, *sni, *cert, *key, *in, *out, *host;
	int version, count;
	bool early, chain;
};

struct result {
	bool ok, reused;
	const char *version, *early;
	char error[256], body[BODY_MAX];
	SSL_SESSION *newest;
};

static struct result *current;

static int keep_newest(SSL *ssl, SSL_SESSION *sess)
{
	(void)ssl;
	SSL_SESSION_free(current->newest);
	current->newest = sess;
	return 1; /* the reference is ours */
}

static int connect_to(const char *where)
{
	char host[128];
	const char *colon = strrchr(where, ':');
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai;
	struct timeval tv = { .tv_sec = 10 };
	int fd;

	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	if (getaddrinfo(host, colon + 1, &hints, &ai) != 0)
		return -1;
	fd = socket(ai->ai_family, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (fd != -1 && connect(fd, ai->ai_addr, ai->ai_addrlen) == -1) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(ai);
	return fd;
}

static void note_error(struct result *r, const char *what)
{
	unsigned long e = ERR_get_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	snprintf(r->error, sizeof(r->error), "%s: %s", what, reason != NULL ? reason : "closed");
	ERR_clear_error();
}

static void read_answer(SSL *ssl, struct result *r)
{
	size_t len = 0;
	int n;

	while ((n = SSL_read(ssl, r->body + len, (int)(BODY_MAX - 1 - len))) > 0)
		len += (size_t)n;
	r->body[len] = '\0';
	if (len == 0)
		note_error(r, "read");
	ERR_clear_error();
}

static void talk(SSL *ssl, const struct options *o, struct result *r)
{
	char request[512];
	size_t done = 0;
	int len = snprintf(request, sizeof(request),
			   "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			   o->host != NULL ? o->host : o->sni != NULL ? o->sni : "localhost");

	r->early = "none";
	if (o->early && SSL_get0_session(ssl) != NULL &&
	    SSL_SESSION_get_max_early_data(SSL_get0_session(ssl)) > 0)
		(void)SSL_write_early_data(ssl, request, (size_t)len, &done);
	if (SSL_connect(ssl) != 1) {
		note_error(r, "handshake");
		return;
	}
	if (done > 0)
		r->early = SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED ? "accepted"
										    : "rejected";
	r->reused = SSL_session_reused(ssl) == 1;
	r->version = SSL_get_version(ssl);
	if (strcmp(r->early, "accepted") != 0 && SSL_write(ssl, request, len) <= 0) {
		note_error(r, "write");
		return;
	}
	read_answer(ssl, r);
	r->ok = r->body[0] != '\0';
}

static void put_json(const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 32 || c > 126)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
}

static void report(const struct result *r)
{
	const unsigned char *ticket = NULL;
	size_t len = 0;

	if (r->newest != NULL)
		SSL_SESSION_get0_ticket(r->newest, &ticket, &len);
	printf("{\"ok\":%s,\"reused\":%s,\"version\":\"%s\",\"early\":\"%s\",\"name\":\"",
	       r->ok ? "true" : "false", r->reused ? "true" : "false",
	       r->version != NULL ? r->version : "", r->early);
	for (size_t i = 0; i < 16 && len >= 16; i++)
		printf("%02x", ticket[i]);
	printf("\",\"body\":\"");
	put_json(r->body);
	printf("\",\"error\":\"");
	put_json(r->error);
	printf("\"}\n");
	fflush(stdout);
}

static SSL_CTX *make_context(const struct options *o)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (o->version != 0) {
		SSL_CTX_set_min_proto_version(ctx, o->version);
		SSL_CTX_set_max_proto_version(ctx, o->version);
	}
	if (o->cert != NULL && (SSL_CTX_use_certificate_chain_file(ctx, o->cert) != 1 ||
				SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) != 1))
		exit(2);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_newest);
	return ctx;
}

/* libssl tells a client of new sessions, not of a ticket that was renewed in a resumed
 * one up to TLS 1.2. */
static void look_for_renewal(SSL *ssl, const SSL_SESSION *offer, struct result *r)
{
	const unsigned char *was, *is;
	size_t was_len, is_len;

	if (r->newest != NULL || !r->reused || SSL_get0_session(ssl) == NULL)
		return;
	SSL_SESSION_get0_ticket(offer, &was, &was_len);
	SSL_SESSION_get0_ticket(SSL_get0_session(ssl), &is, &is_len);
	if (is_len != was_len || memcmp(is, was, is_len) != 0)
		r->newest = SSL_get1_session(ssl);
}

static void one(SSL_CTX *ctx, const struct options *o, SSL_SESSION *offer, struct result *r)
{
	int fd = connect_to(o->where);
	SSL *ssl;

	memset(r, 0, sizeof(*r));
	r->early = "none";
	current = r;
	if (fd == -1) {
		snprintf(r->error, sizeof(r->error), "connect");
		return;
	}
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (o->sni != NULL)
		SSL_set_tlsext_host_name(ssl, o->sni);
	if (offer != NULL)
		SSL_set_session(ssl, offer);
	talk(ssl, o, r);
	look_for_renewal(ssl, offer, r);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static SSL_SESSION *read_session(const char *file)
{
	BIO *in = BIO_new_file(file, "r");
	SSL_SESSION *s = in != NULL ? PEM_read_bio_SSL_SESSION(in, NULL, NULL, NULL) : NULL;

	BIO_free(in);
	if (s == NULL) {
		fprintf(stderr, "tlsc: no session in %s\n", file);
		exit(2);
	}
	return s;
}

static void write_session(const char *file, SSL_SESSION *s)
{
	BIO *out = BIO_new_file(file, "w");

	if (out == NULL || PEM_write_bio_SSL_SESSION(out, s) != 1)
		exit(2);
	BIO_free(out);
}

static void parse(int argc, char **argv, struct options *o)
{
	int c;

	while ((c = getopt(argc, argv, "23n:c:k:i:o:ex:CH:")) != -1) {
		switch (c) {
		case '2': o->version = TLS1_2_VERSION; break;
		case '3': o->version = TLS1_3_VERSION; break;
		case 'n': o->sni = optarg; break;
		case 'c': o->cert = optarg; break;
		case 'k': o->key = optarg; break;
		case 'i': o->in = optarg; break;
		case 'o': o->out = optarg; break;
		case 'e': o->early = true; break;
		case 'x': o->count = atoi(optarg); break;
		case 'C': o->chain = true; break;
		case 'H': o->host = optarg; break;
		default: exit(2);
		}
	}
	if (optind + 1 != argc || strchr(argv[optind], ':') == NULL)
		exit(2);
	o->where = argv[optind];
}

int main(int argc, char **argv)
{
	static struct result r;
	struct options o = { .count = 1 };
	SSL_SESSION *offer = NULL;
	SSL_CTX *ctx;

	signal(SIGPIPE, SIG_IGN);
	parse(argc, argv, &o);
	ctx = make_context(&o);
	if (o.in != NULL)
		offer = read_session(o.in);
	for (int i = 0; i < o.count; i++) {
		one(ctx, &o, offer, &r);
		report(&r);
		if (r.newest != NULL && o.out != NULL)
			write_session(o.out, r.newest);
		if (o.chain && r.newest != NULL) {
			SSL_SESSION_free(offer);
			offer = r.newest;
		} else {
			SSL_SESSION_free(r.newest);
		}
	}
	SSL_SESSION_free(offer);
	SSL_CTX_free(ctx);
	return 0;
}
