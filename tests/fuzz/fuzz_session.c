/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_session.c - bytes on the control socket, through tokenizer, dispatcher and every command, in
 * a real instance without a server around it.  Each input is one client that then half-closes: its
 * session must end by itself, with whole answers. */
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

static const char conf[] =
	"control_thread = false; vault = \"memfd\"; log = { target = \"/dev/null\"; };\n"
	"rings = ( { name = \"m\"; }, { name = \"a b\"; slots = 1; server_names = [ \"x.test\" ]; } );\n";

/* Once, before the first input. */
static struct tk_instance *instance(void)
{
	static struct tk_instance *inst;
	char path[] = "/tmp/tkfuzz-XXXXXX";
	int fd;

	if (inst != NULL)
		return inst;
	fd = mkstemp(path);
	FUZZ_CHECK(fd != -1 && write(fd, conf, sizeof(conf) - 1) == (ssize_t)sizeof(conf) - 1);
	close(fd);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tk_instance *inst = instance();
	char last[2] = "";
	int pair[2];

	if (len > INPUT_MAX)
		return 0;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	FUZZ_CHECK(send(pair[1], data, len, MSG_DONTWAIT) == (ssize_t)len);
	FUZZ_CHECK(shutdown(pair[1], SHUT_WR) == 0);
	tk_session_open(inst, pair[0], 0, 1);
	FUZZ_CHECK(serve_until_over(pair[1], last));
	take(pair[1], last);
	FUZZ_CHECK(last[1] == '\0' || last[1] == '\n' || last[1] == ' ');
	close(pair[1]);
	return 0;
}
