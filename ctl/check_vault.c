/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_vault.c - owns the attempt at memfd_secret(2).  Knows nothing of what lies in it.
 *
 * Its child tells by its exit status what errno was: nothing else of it is needed.
 */
#include "ctl/check_vault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static int try_it(size_t size)
{
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *map;

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1)
		return errno;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return errno;
	memset(map, 0, size); /* pages come into being when they are touched */
	return 0;
}

static void be_child(size_t size)
{
	static const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	_exit(try_it(size));
}

static const char *advice(int err)
{
	switch (err) {
	case ENOSYS:
		return " (Linux has it from 5.14 on, before 6.5 with secretmem.enable=1)";
	case EAGAIN:
		return " (see RLIMIT_MEMLOCK, LimitMEMLOCK= of systemd)";
	default:
		return "";
	}
}

int tk_check_vault(size_t size, struct tk_error *e)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		be_child(size);
	while (pid != -1 && waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			pid = -1;
	if (pid == -1)
		return tk_err_set(e, TK_E_SYS, "could not be tried: %s", strerror(errno));
	if (WIFSIGNALED(status))
		return tk_err_set(e, TK_E_SYS, "who tries is ended by signal %d (%s%s)",
				  WTERMSIG(status), strsignal(WTERMSIG(status)),
				  WTERMSIG(status) == SIGSYS ?
					  ": SystemCallFilter= of systemd lacks memfd_secret" :
					  "");
	if (WEXITSTATUS(status))
		return tk_err_set(e, TK_E_SYS, "%s%s", strerror(WEXITSTATUS(status)),
				  advice(WEXITSTATUS(status)));
	return 0;
}
