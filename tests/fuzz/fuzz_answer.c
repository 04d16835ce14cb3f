/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_answer.c - what a server may send to tkctl.  Bytes arrive in pieces: what is whole stays
 * whole however much of it has come before. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "ctl/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1), *said = NULL, *complained = NULL;
	size_t said_len, complained_len;
	enum tk_status status;
	FILE *out, *err;

	FUZZ_CHECK(text != NULL);
	memcpy(text, data, len);
	text[len] = '\0';
	for (size_t i = 0; i <= len; i += 1 + len / 16) {
		char *part = malloc(i + 1);

		FUZZ_CHECK(part != NULL);
		memcpy(part, text, i);
		part[i] = '\0';
		(void)tk_answer_whole(part, i, false);
		free(part);
	}
	if (memchr(data, '\0', len) == NULL && tk_answer_whole(text, len, false)) {
		out = open_memstream(&said, &said_len);
		err = open_memstream(&complained, &complained_len);
		FUZZ_CHECK(out != NULL && err != NULL);
		status = tk_answer_print(text, len, "who", out, err);
		fclose(out);
		fclose(err);
		FUZZ_CHECK((status == TK_STATUS_DONE) == (complained_len == 0));
		free(said);
		free(complained);
	}
	free(text);
	return 0;
}
