/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_session.c - bytes on the control socket, through tokenizer, dispatcher and every command, in
 * a real instance without a server around it.  Each input is one client that then half-closes: its
 * session must end by itself, with whole answers.
 *
 * The first byte says where it speaks and what has become of the key file of ring `f` meanwhile:
 * o, u: on the socket of that level; n: no file; c: other keys in it; b: no keys; anything
 * else: on the admin's, and the file is as the instance left it.
 */
#include "tests/fuzz/fuzz.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "provider/attach.h"
#include "provider/session.h"

#define INPUT_MAX 60000 /* goes into a socket's buffer */
#define TURNS 200000

static char folder[] = "/tmp/tkfuzz-XXXXXX", file[64];

static const char conf[] =
	"control_thread = false; vault = \"memfd\"; log = { target = \"/dev/null\"; };\n"
	"sockets = ( { path = \"%s/a\"; }, { path = \"%s/o\"; level = \"operator\"; },\n"
	"  { path = \"%s/u\"; level = \"user\"; } );\n"
	"rings = ( { name = \"m\"; }, { name = \"a b\"; slots = 1; server_names = [ \"x.test\" ]; },\n"
	"  { name = \"f\"; file = \"%s\"; server_names = [ \"f.test\" ]; } );\n";

/* The ring as each input finds it, and what somebody else may have put there. */
static const char keys[] = "D63QmJz9Dn4HVCmdvN+BhYkyw0zHaaK7JiR6r9fFVWpWJ7hPTgNRG6yQxDVhcfZt\n"
			   "VCmdvN+BhYkyw0zHaaK7JiR6r9fFVWpWJ7hPTgNRG6yQxDVhcfZtD63QmJz9Dn4H\n"
			   "hYkyw0zHaaK7JiR6r9fFVWpWJ7hPTgNRG6yQxDVhcfZtD63QmJz9Dn4HVCmdvN+B\n";
static const char others[] = "JiR6r9fFVWpWJ7hPTgNRG6yQxDVhcfZtD63QmJz9Dn4HVCmdvN+BhYkyw0zHaaK7\n"
			     "VWpWJ7hPTgNRG6yQxDVhcfZtD63QmJz9Dn4HVCmdvN+BhYkyw0zHaaK7JiR6r9fF\n"
			     "TgNRG6yQxDVhcfZtD63QmJz9Dn4HVCmdvN+BhYkyw0zHaaK7JiR6r9fFVWpWJ7hP\n";

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	FUZZ_CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool file_has(const char *text)
{
	char found[sizeof(keys) + 1] = "";
	FILE *f = fopen(file, "r");
	size_t n = f != NULL ? fread(found, 1, sizeof(found) - 1, f) : 0;

	if (f != NULL)
		fclose(f);
	return n == strlen(text) && strcmp(found, text) == 0;
}

static void leave(void)
{
	(void)unlink(file);
	(void)rmdir(folder);
}

/* Once, before the first input. */
static struct tk_instance *instance(void)
{
	static struct tk_instance *inst;
	char path[64], text[2048];

	if (inst != NULL)
		return inst;
	FUZZ_CHECK(mkdtemp(folder) != NULL && atexit(leave) == 0);
	snprintf(file, sizeof(file), "%s/f", folder);
	snprintf(path, sizeof(path), "%s/conf", folder);
	snprintf(text, sizeof(text), conf, folder, folder, folder, file);
	write_file(path, text);
	write_file(file, keys);
	FUZZ_CHECK(tk_attach_config(path) == 0);
	inst = tk_attach();
	unlink(path);
	FUZZ_CHECK(inst != NULL);
	tk_session_forget();
	return inst;
}

/* Reads what is there; remembers the last two bytes. */
static void take(int fd, char last[static 2])
{
	char piece[65536];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), MSG_DONTWAIT)) > 0) {
		last[0] = n > 1 ? piece[n - 2] : last[1];
		last[1] = piece[n - 1];
	}
}

static bool serve_until_over(int fd, char last[static 2])
{
	struct pollfd p[TK_SESSIONS_MAX];
	int64_t wake;

	for (unsigned i = 0; i < TURNS; i++) {
		nfds_t n = tk_session_poll(p, &wake);

		if (n == 0)
			return true;
		(void)poll(p, n, 0);
		tk_session_serve(p, n, 1);
		take(fd, last);
	}
	return false;
}

static void speak(unsigned socket, const uint8_t *data, size_t len)
{
	struct tk_instance *inst = instance();
	char last[2] = "";
	int pair[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	FUZZ_CHECK(send(pair[1], data, len, MSG_DONTWAIT) == (ssize_t)len);
	FUZZ_CHECK(shutdown(pair[1], SHUT_WR) == 0);
	tk_session_open(inst, pair[0], socket, 1);
	FUZZ_CHECK(serve_until_over(pair[1], last));
	take(pair[1], last);
	FUZZ_CHECK(last[1] == '\0' || last[1] == '\n' || last[1] == ' ');
	close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char reload[] = "reload ssl tls-key f\n";
	static bool as_it_was = true;

	if (len < 1 || len > INPUT_MAX)
		return 0;
	(void)instance();
	if (!as_it_was) {
		write_file(file, keys);
		speak(0, (const uint8_t *)reload, sizeof(reload) - 1);
	}
	if (data[0] == 'n')
		FUZZ_CHECK(unlink(file) == 0);
	else if (data[0] == 'c' || data[0] == 'b')
		write_file(file, data[0] == 'c' ? others : "none\n");
	speak(data[0] == 'o' ? 1 : data[0] == 'u' ? 2 : 0, data + 1, len - 1);
	as_it_was = strchr("ncb", data[0]) == NULL && file_has(keys);
	return 0;
}
