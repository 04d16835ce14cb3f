/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_module.c - owns the look into a shared object: its ELF headers, and the dynamic
 * loader.  Knows no configuration.
 *
 * A module that needs another libcrypto would bring that one into the process, so what it
 * needs is read from the file first.  Whatever is odd about the file the loader says
 * best: this reader gives up without a word.
 */
#include "ctl/check_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_POINT "OSSL_provider_init"
#define DYN_MAX 4096 /* entries; more are no module's */

/* ---- what the file needs ---- */

struct elf {
	int fd;
	ElfW(Ehdr) head;
};

static bool get(const struct elf *elf, uint64_t at, void *out, size_t len)
{
	return at <= INT64_MAX && pread(elf->fd, out, len, (off_t)at) == (ssize_t)len;
}

static bool get_segment(const struct elf *elf, unsigned i, ElfW(Phdr) *out)
{
	return get(elf, elf->head.e_phoff + (uint64_t)i * sizeof(*out), out, sizeof(*out));
}

static bool read_head(struct elf *elf)
{
	return get(elf, 0, &elf->head, sizeof(elf->head)) &&
	       memcmp(elf->head.e_ident, ELFMAG, SELFMAG) == 0 &&
	       elf->head.e_ident[EI_CLASS] == (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) &&
	       elf->head.e_phentsize == sizeof(ElfW(Phdr));
}

static bool find_dynamic(const struct elf *elf, ElfW(Phdr) *out)
{
	for (unsigned i = 0; i < elf->head.e_phnum; i++)
		if (get_segment(elf, i, out) && out->p_type == PT_DYNAMIC)
			return true;
	return false;
}

/* From an address in memory to a place in the file. */
static bool find_place(const struct elf *elf, uint64_t address, uint64_t *at)
{
	ElfW(Phdr) p;

	for (unsigned i = 0; i < elf->head.e_phnum; i++)
		if (get_segment(elf, i, &p) && p.p_type == PT_LOAD && address >= p.p_vaddr &&
		    address - p.p_vaddr < p.p_filesz) {
			*at = address - p.p_vaddr + p.p_offset;
			return true;
		}
	return false;
}

/* The next entry with that tag from *i on; *i is then behind it. */
static bool next_entry(const struct elf *elf, const ElfW(Phdr) *dynamic, unsigned *i,
		       int64_t tag, ElfW(Dyn) *out)
{
	while (*i < DYN_MAX && (*i + 1) * sizeof(*out) <= dynamic->p_filesz) {
		if (!get(elf, dynamic->p_offset + *i * sizeof(*out), out, sizeof(*out)))
			return false;
		*i += 1;
		if (out->d_tag == tag)
			return true;
		if (out->d_tag == DT_NULL)
			return false;
	}
	return false;
}

/* The loader maps what is not there, and dies of it. */
static int check_whole(const struct elf *elf, uint64_t size, struct tk_error *e)
{
	ElfW(Phdr) p;

	for (unsigned i = 0; i < elf->head.e_phnum; i++)
		if (!get_segment(elf, i, &p) || p.p_offset > size || p.p_filesz > size - p.p_offset)
			return tk_err_set(e, TK_E_PARSE, "its end is missing");
	return 0;
}

struct soname {
	char text[64]; /* cut if longer: libcrypto's is not */
};

static void get_name(const struct elf *elf, uint64_t at, struct soname *out)
{
	ssize_t n = pread(elf->fd, out->text, sizeof(out->text) - 1, (off_t)at);

	out->text[n > 0 ? n : 0] = '\0';
}

/* What stands behind `libcrypto.so` or `libssl.so`; NULL: neither. */
static const char *openssl_version(const char *name)
{
	static const char *const libs[] = {"libcrypto.so", "libssl.so"};

	for (size_t i = 0; i < sizeof(libs) / sizeof(*libs); i++)
		if (strncmp(name, libs[i], strlen(libs[i])) == 0)
			return name + strlen(libs[i]);
	return NULL;
}

static int compare_needed(const struct elf *elf, const char *ours, struct tk_error *e)
{
	ElfW(Phdr) dynamic;
	ElfW(Dyn) entry;
	struct soname name;
	uint64_t strings;
	unsigned i = 0;

	if (!find_dynamic(elf, &dynamic) || !next_entry(elf, &dynamic, &i, DT_STRTAB, &entry) ||
	    !find_place(elf, entry.d_un.d_ptr, &strings))
		return 0;
	for (i = 0; next_entry(elf, &dynamic, &i, DT_NEEDED, &entry);) {
		const char *version;

		get_name(elf, strings + entry.d_un.d_val, &name);
		version = openssl_version(name.text);
		if (version && strcmp(version, openssl_version(ours)) != 0)
			return tk_err_set(e, TK_E_CRYPTO,
					  "is linked with %s, but OpenSSL is %s here: it would hook "
					  "nothing",
					  name.text, ours);
	}
	return 0;
}

/* The libcrypto that this process runs on, by its file's name. */
static int find_libcrypto(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *base = strrchr(info->dlpi_name, '/');
	struct soname *out = arg;

	(void)size;
	base = base ? base + 1 : info->dlpi_name;
	if (strncmp(base, "libcrypto.so", 12) != 0 || strlen(base) >= sizeof(out->text))
		return 0;
	memcpy(out->text, base, strlen(base) + 1);
	return 1;
}

static int check_elf(int fd, uint64_t size, struct tk_error *e)
{
	struct elf elf = {.fd = fd};
	struct soname ours;
	int rc;

	if (!read_head(&elf))
		return 0;
	rc = check_whole(&elf, size, e);
	if (!rc && dl_iterate_phdr(find_libcrypto, &ours))
		rc = compare_needed(&elf, ours.text, e);
	return rc;
}

/* ---- the file, and the loader ---- */

static int check_file(int fd, struct tk_error *e)
{
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return tk_err_set(e, errno == ENOENT ? TK_E_NOENT : TK_E_SYS, "%s",
				  strerror(errno));
	if (!S_ISREG(st.st_mode))
		return tk_err_set(e, TK_E_SYS, "not a regular file");
	return check_elf(fd, (uint64_t)st.st_size, e);
}

/* The loader begins with the path, which the caller knows. */
static const char *loader_says(const char *path)
{
	const char *text = dlerror();
	size_t len = strlen(path);

	return strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0 ? text + len + 2 :
										    text;
}

static int check_loading(const char *path, struct tk_error *e)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	bool provider;

	if (!module)
		return tk_err_set(e, TK_E_SYS, "%s", loader_says(path));
	provider = dlsym(module, ENTRY_POINT) != NULL;
	dlclose(module);
	return provider ? 0 :
			  tk_err_set(e, TK_E_CRYPTO, "no module of OpenSSL: it has no " ENTRY_POINT);
}

int tk_check_module(const char *path, struct tk_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc = check_file(fd, e);

	if (fd != -1)
		close(fd);
	return rc ? rc : check_loading(path, e);
}
