/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_tree.h - the text of tkprov.conf as a tree of named values, and the way through it
 * by tables.  libconfig's types end here; conf_options.c says which options there are.
 *
 * A reader carries what every setter needs: where messages go and what is filled in.
 */
#ifndef TK_CONF_TREE_H
#define TK_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/conf.h"
#include "common/file.h"

struct tk_conf_node; /* a value with its name and line; libconfig's */

enum tk_conf_type {
	TK_CONF_STRING,
	TK_CONF_INT,
	TK_CONF_BOOL,
	TK_CONF_ARRAY, /* of strings */
	TK_CONF_LIST,  /* of groups */
	TK_CONF_GROUP,
};

struct tk_conf_reader {
	const char *path;
	struct tk_conf *conf;
	struct tk_error *e;
	size_t good; /* bytes of the text that may be read whatever is wrong */
	bool ahead;  /* what is wrong or not known is passed over */
};

#define TK_CONF_UNFIT 1 /* from a setter: not what the table says it must be */

struct tk_conf_option {
	const char *name;
	enum tk_conf_type type;
	/* Puts the value, whose type is right, into what the group is.  Returns 0,
	 * TK_CONF_UNFIT, or an error whose message was made. */
	int (*set)(struct tk_conf_reader *r, const struct tk_conf_node *n, void *into);
	const char *want; /* 'NAME' must be this */
};

/* Parses the text (which is changed: its last line is ended) and calls fn with its outermost
 * group.  r->good is set.  Returns what fn returns, or TK_E_PARSE, TK_E_RANGE, TK_E_SYS with a
 * message. */
int tk_conf_tree_read(struct tk_conf_reader *r, struct tk_file *text,
		      int (*fn)(struct tk_conf_reader *r, const struct tk_conf_node *top));

/* For a text that tk_conf_tree_read has refused, of which the first `good` bytes may be read:
 * sets those of the options that stand in them, into r->conf.  A mistake costs the outermost
 * setting that it is in; of one that is there twice the first counts. */
void tk_conf_tree_read_ahead(struct tk_conf_reader *r, struct tk_file *text, size_t good,
			     const struct tk_conf_option *options, size_t n);

/* Sets each option of a group; one that no table entry is for, is there twice or of the
 * wrong type is an error.  Reading ahead, it stays as it was. */
int tk_conf_walk(struct tk_conf_reader *r, const struct tk_conf_node *group,
		 const struct tk_conf_option *options, size_t n, void *into);

/* The groups of a list, one by one.  *count goes up before each, so that what was begun
 * is freed with the rest. */
int tk_conf_walk_list(struct tk_conf_reader *r, const struct tk_conf_node *list, unsigned *count,
		      int (*one)(struct tk_conf_reader *r, const struct tk_conf_node *group,
				 unsigned i));

/* A node's value; its type was checked. */
const char *tk_conf_text(const struct tk_conf_node *n);
int tk_conf_int(const struct tk_conf_node *n);
bool tk_conf_bool(const struct tk_conf_node *n);
unsigned tk_conf_length(const struct tk_conf_node *n);
/* The i-th string of an array, NULL if the array is of another type. */
const char *tk_conf_text_at(const struct tk_conf_node *array, unsigned i);
const struct tk_conf_node *tk_conf_at(const struct tk_conf_node *list, unsigned i);
/* The member of that name, or NULL. */
const struct tk_conf_node *tk_conf_member(const struct tk_conf_node *group, const char *name);

/* Makes `PATH:LINE: message`; returns code. */
int tk_conf_fail(struct tk_conf_reader *r, const struct tk_conf_node *n, int code, const char *fmt,
		 ...) __attribute__((format(printf, 4, 5)));
int tk_conf_no_memory(struct tk_conf_reader *r);

#endif
