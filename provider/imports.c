/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imports.c - owns the walk through the loaded objects' relocations.  What an object calls
 * of others it has a relocation for, with the symbol's name.  The hash tables do not say
 * it: undefined functions whose address is taken stand among the hashed ones in a program
 * that is not position-independent, and a program that exports nothing has no count.
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

/* Relocations with and without an addend; the symbol's index stands at the same place. */
struct list {
	const char *entry;
	size_t bytes, each;
};

struct tables {
	const ElfW(Sym) * sym;
	const char *str;
	struct list plt, rela, rel;
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
	t->rela.each = sizeof(ElfW(Rela));
	t->rel.each = sizeof(ElfW(Rel));
	for (; dyn->d_tag != DT_NULL; dyn++) {
		ElfW(Addr) ptr = dyn->d_un.d_ptr;
		size_t val = dyn->d_un.d_val;

		switch (dyn->d_tag) {
		case DT_SYMTAB: t->sym = dyn_ptr(info, ptr); break;
		case DT_STRTAB: t->str = dyn_ptr(info, ptr); break;
		case DT_JMPREL: t->plt.entry = dyn_ptr(info, ptr); break;
		case DT_PLTRELSZ: t->plt.bytes = val; break;
		case DT_PLTREL:
			t->plt.each = val == DT_RELA ? sizeof(ElfW(Rela)) : sizeof(ElfW(Rel));
			break;
		case DT_RELA: t->rela.entry = dyn_ptr(info, ptr); break;
		case DT_RELASZ: t->rela.bytes = val; break;
		case DT_REL: t->rel.entry = dyn_ptr(info, ptr); break;
		case DT_RELSZ: t->rel.bytes = val; break;
		default: break;
		}
	}
}

static size_t symbol_of(const char *entry)
{
	const ElfW(Rel) *rel = (const void *)entry; /* a Rela begins as a Rel does */

#if __ELF_NATIVE_CLASS == 64
	return ELF64_R_SYM(rel->r_info);
#else
	return ELF32_R_SYM(rel->r_info);
#endif
}

static bool list_names(const struct tables *t, const struct list *l, const char *symbol)
{
	if (l->entry == NULL || l->each == 0)
		return false;
	for (size_t at = 0; at + l->each <= l->bytes; at += l->each) {
		const ElfW(Sym) *sym = &t->sym[symbol_of(l->entry + at)];

		if (sym->st_shndx == SHN_UNDEF && strcmp(t->str + sym->st_name, symbol) == 0)
			return true;
	}
	return false;
}

static bool object_imports(const struct dl_phdr_info *info, const char *symbol)
{
	struct tables t = { 0 };

	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			read_dynamic(info, at(info, info->dlpi_phdr[i].p_vaddr), &t);
	if (t.sym == NULL || t.str == NULL)
		return false;
	return list_names(&t, &t.plt, symbol) || list_names(&t, &t.rela, symbol) ||
	       list_names(&t, &t.rel, symbol);
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
