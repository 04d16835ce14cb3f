/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_lib.c - owns the opening of libconfig.  None of its names may be looked up in the
 * server: neither by us (dlsym on our handle) nor by itself, which RTLD_DEEPBIND is for.
 *
 * That flag also gives it libc's malloc and free.  Where the program has put others in their
 * place (jemalloc, the sanitizers' runtimes, which refuse the flag) it would free with the
 * one what strdup has taken from the other: there it is opened without, and not used if
 * the program has one of its names.
 */
#include "common/conf_lib.h"

#include <dlfcn.h>
#include <gnu/lib-names.h>
#include <stdbool.h>
#include <stddef.h>

static const char *const names[] = {
#define NAME(name) #name,
	TK_CONF_LIB_FUNCTIONS(NAME)
#undef NAME
};

#define COUNT (sizeof(names) / sizeof(names[0]))

_Static_assert(sizeof(struct tk_conf_lib) == COUNT * sizeof(void *), "nothing but functions");

static bool malloc_is_libcs(void)
{
	void *libc = dlopen(LIBC_SO, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);

	return libc && dlsym(RTLD_DEFAULT, "malloc") == dlsym(libc, "malloc");
}

static bool may_bind_deep(void)
{
	return malloc_is_libcs() && !dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace");
}

/* Does the program call something else by this name? */
static bool is_taken(const char *name, const void *ours)
{
	const void *theirs = dlsym(RTLD_DEFAULT, name);

	return theirs && theirs != ours;
}

int tk_conf_lib_open(struct tk_conf_lib *lib, struct tk_error *e)
{
	bool deep = may_bind_deep();
	void *handle = dlopen(TK_LIBCONFIG, RTLD_NOW | RTLD_LOCAL | (deep ? RTLD_DEEPBIND : 0));
	void **functions = (void **)lib;

	if (!handle)
		return tk_err_set(e, TK_E_SYS, "%s cannot be opened: %s", TK_LIBCONFIG, dlerror());
	for (size_t i = 0; i < COUNT; i++) {
		functions[i] = dlsym(handle, names[i]);
		if (!functions[i])
			return tk_err_set(e, TK_E_SYS, "%s has no %s: %s", TK_LIBCONFIG, names[i],
					  dlerror());
		if (!deep && is_taken(names[i], functions[i]))
			return tk_err_set(e, TK_E_SYS,
					  "%s cannot be used: the program has a %s and a malloc of "
					  "its own",
					  TK_LIBCONFIG, names[i]);
	}
	return 0;
}
