/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_words.c - a command line: the tokenizer, the look-up, help, the nearest matches, and
 * quoting as the way back. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/commands.h"
#include "core/words.h"

static void quote(const struct tk_words *words)
{
	static char line[2 * TK_LINE_MAX + 2 * TK_WORDS_MAX];
	struct tk_words again;
	char *rest = line;

	line[0] = '\0';
	for (unsigned i = 0; i < words->n; i++)
		if (tk_words_quote(line, sizeof(line), words->w[i]) != 0)
			return;
	FUZZ_CHECK(!tk_words_payload(line, strlen(line)));
	FUZZ_CHECK(tk_words_next(&rest, &again) == 0 && rest == NULL);
	FUZZ_CHECK(again.n == words->n && !again.payload);
	for (unsigned i = 0; i < words->n; i++)
		FUZZ_CHECK(strcmp(again.w[i], words->w[i]) == 0);
}

static void look_up(const struct tk_words *words)
{
	struct tk_reply help = { 0 }, unknown = { 0 }, framed = { 0 };
	unsigned first, args;
	const struct tk_command *c = tk_command_find(words, &first, &args);

	FUZZ_CHECK(c == NULL || first + args == words->n);
	tk_commands_help(&help, TK_LEVEL_OPERATOR, words, c != NULL ? first : 0);
	tk_commands_unknown(&unknown, TK_LEVEL_USER, words);
	FUZZ_CHECK(help.len > 0 && unknown.len > 0);
	tk_reply_frame(&framed, &unknown, TK_SEV_MODE_NUMBER);
	FUZZ_CHECK(framed.len > unknown.len && strcmp(framed.text + framed.len - 2, "\n\n") == 0);
	tk_reply_fini(&help);
	tk_reply_fini(&unknown);
	tk_reply_fini(&framed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tk_words words;
	char *line, *rest;

	if (len >= TK_LINE_MAX || memchr(data, '\n', len) || memchr(data, '\0', len))
		return 0;
	line = malloc(len + 1);
	FUZZ_CHECK(line != NULL);
	memcpy(line, data, len);
	line[len] = '\0';
	FUZZ_CHECK(tk_words_cut(line, len) <= len);
	for (rest = line; rest != NULL;) {
		if (tk_words_next(&rest, &words) != 0 || words.n == 0)
			continue;
		FUZZ_CHECK(words.n <= TK_WORDS_MAX);
		look_up(&words);
		quote(&words);
	}
	free(line);
	return 0;
}
