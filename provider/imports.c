/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imports.c - owns the walk through the dynamic symbol tables.  Undefined symbols stand
 * in front of the hashed ones: a GNU hash table says where those begin, an old one how
 * many symbols there are in all.
 */
#include "provider/imports.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct search {
	const char *symbol;
	uint64_t adds; /* objects ever loaded */
	bool begun, found;
};

/* What the last walk found, and how many objects had ever been loaded then. */
static _Atomic uint64_t last_adds;
static atomic_bool last_found;

struct tables {
	const ElfW(Sym) * sym;
	const char *str;
	size_t count; /* symbols that can be undefined; 0 with `unknown` */
	bool unknown;
};

static const void *at(const struct dl_phdr_info *info, ElfW(Addr) vaddr)
{
	return (const void *)(uintptr_t)(info->dlpi_addr + vaddr);
}

/* glibc relocates these pointers in place on most machines, not on all. */
static const void *dyn_ptr(const struct dl_phdr_info *info, ElfW(Addr) value)
{
	return value < info->dlpi_addr ? at(info, value) : (const void *)(uintptr_t)value;
}

static void read_dynamic(const struct dl_phdr_info *info, const ElfW(Dyn) * dyn, struct tables *t)
{
	const uint32_t *gnu = NULL, *old = NULL;

	for (; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			t->sym = dyn_ptr(info, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_STRTAB)
			t->str = dyn_ptr(info, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_GNU_HASH)
			gnu = dyn_ptr(info, dyn->d_un.d_ptr);
		else if (dyn->d_tag == DT_HASH)
			old = dyn_ptr(info, dyn->d_un.d_ptr);
	}
	if (gnu != NULL)
		t->count = gnu[1];
	else if (old != NULL)
		t->count = old[1];
	else
		t->unknown = t->sym != NULL;
}

static bool object_imports(const struct dl_phdr_info *info, const char *symbol)
{
	struct tables t = { 0 };

	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			read_dynamic(info, at(info, info->dlpi_phdr[i].p_vaddr), &t);
	if (t.unknown)
		return true;
	if (t.sym == NULL || t.str == NULL)
		return false;
	for (size_t i = 1; i < t.count; i++)
		if (t.sym[i].st_shndx == SHN_UNDEF && strcmp(t.str + t.sym[i].st_name, symbol) == 0)
			return true;
	return false;
}

static bool is_us(const struct dl_phdr_info *info)
{
	uintptr_t here = (uintptr_t)tk_imports;

	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && here >= from && here < from + ph->p_memsz)
			return true;
	}
	return false;
}

static int visit(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *s = arg;

	if (size >= offsetof(struct dl_phdr_info, dlpi_subs) && !s->begun) {
		s->begun = true;
		s->adds = info->dlpi_adds;
		if (s->adds == atomic_load_explicit(&last_adds, memory_order_relaxed))
			return 1; /* nothing was loaded since */
	}
	s->found = !is_us(info) && object_imports(info, s->symbol);
	return s->found;
}

bool tk_imports(const char *symbol)
{
	struct search s = { .symbol = symbol };

	if (dl_iterate_phdr(visit, &s) == 1 && !s.found)
		return atomic_load_explicit(&last_found, memory_order_relaxed);
	/* Two threads may both have looked: they found the same. */
	atomic_store_explicit(&last_found, s.found, memory_order_relaxed);
	atomic_store_explicit(&last_adds, s.adds, memory_order_relaxed);
	return s.found;
}
