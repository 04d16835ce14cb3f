/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - a target without a fuzzer: runs it on each file of its corpus, as `make check` does.
 * The folder is $TK_SRCDIR/tests/fuzz/corpus/TARGET, the program's name ends in _TARGET.
 */
#include <dirent.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX (1 << 20)

static void run(const char *folder, const char *name)
{
	static uint8_t data[INPUT_MAX];
	char path[4096];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	FUZZ_CHECK(f != NULL);
	len = fread(data, 1, sizeof(data), f);
	FUZZ_CHECK(feof(f));
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, len);
}

int main(int argc, char **argv)
{
	const char *top = getenv("TK_SRCDIR"), *target = argc > 0 ? strrchr(argv[0], '_') : NULL;
	struct dirent **entries;
	char folder[2048];
	unsigned ran = 0;
	int n;

	FUZZ_CHECK(target != NULL);
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".", target + 1);
	n = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (entries[i]->d_name[0] != '.') {
			run(folder, entries[i]->d_name);
			ran++;
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	printf("%s: %u inputs of the corpus of %s\n", ran > 0 ? "ok" : "FAILED", ran, target + 1);
	return ran == 0;
}
