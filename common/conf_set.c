/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_set.c - puts a setting's value where it belongs.  Knows no option.
 */
#include "common/conf_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf_value.h"

int tk_conf_set_string(struct tk_conf_reader *r, const struct tk_conf_node *s, char **out)
{
	*out = strdup(tk_conf_text(s));
	return *out ? 0 : tk_conf_no_memory(r);
}

int tk_conf_set_bool(const struct tk_conf_node *s, bool *out)
{
	*out = tk_conf_bool(s);
	return 0;
}

int tk_conf_set_period(const struct tk_conf_node *s, int64_t *out)
{
	return tk_conf_value_period(tk_conf_text(s), out) ? TK_CONF_UNFIT : 0;
}

int tk_conf_set_strings(struct tk_conf_reader *r, const struct tk_conf_node *s, char ***out,
			unsigned *count)
{
	unsigned len = tk_conf_length(s);

	*out = calloc(len ? len : 1, sizeof(**out));
	if (!*out)
		return tk_conf_no_memory(r);
	for (unsigned i = 0; i < len; i++) {
		const char *text = tk_conf_text_at(s, i);

		if (!text)
			return TK_CONF_UNFIT;
		(*out)[i] = strdup(text);
		if (!(*out)[i])
			return tk_conf_no_memory(r);
		*count = i + 1;
	}
	return 0;
}

int tk_conf_word_index(const struct tk_conf_node *s, const char *const *words, size_t n)
{
	const char *text = tk_conf_text(s);

	for (size_t i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	return -1;
}
