/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_conf.c - tkprov.conf: a text becomes a configuration, or an error that names a line. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/conf.h"
#include "common/conf_default.h"
#include "common/conf_options.h"
#include "common/conf_tree.h"

static struct tk_conf *read_ahead(struct tk_file *text, size_t good)
{
	struct tk_conf *conf = tk_conf_default_new();
	struct tk_error e;
	struct tk_conf_reader r = { .path = "f", .conf = conf, .e = &e, .ahead = true };

	FUZZ_CHECK(conf != NULL && good <= text->len);
	tk_conf_options_read_ahead(&r, text, good);
	FUZZ_CHECK(conf->ring_count == 0 && conf->socket_count == 0);
	return conf;
}

/* Cut into its settings, a good text says the same. */
static void compare(const struct tk_conf *conf, const struct tk_conf *ahead)
{
	FUZZ_CHECK(conf->on_error == ahead->on_error && conf->log_level == ahead->log_level);
	FUZZ_CHECK(conf->log_target == ahead->log_target);
	FUZZ_CHECK(!conf->log_file || strcmp(conf->log_file, ahead->log_file) == 0);
	FUZZ_CHECK(conf->program_count == ahead->program_count);
	for (unsigned i = 0; i < conf->program_count; i++)
		FUZZ_CHECK(strcmp(conf->programs[i], ahead->programs[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tk_file text = { .text = malloc(len + 2), .len = len };
	struct tk_conf *conf = tk_conf_default_new(), *ahead;
	struct tk_error e = { .text = "" };
	struct tk_conf_reader r = { .path = "f", .conf = conf, .e = &e };
	int rc;

	FUZZ_CHECK(text.text != NULL && conf != NULL);
	memcpy(text.text, data, len);
	text.text[len] = '\0';
	rc = tk_conf_tree_read(&r, &text, tk_conf_options_read);
	if (rc != 0) {
		FUZZ_CHECK(strncmp(e.text, "f:", 2) == 0 && e.text[2] >= '0' && e.text[2] <= '9');
	} else if (tk_conf_default_fill(conf, &e) == 0) {
		FUZZ_CHECK(conf->ring_count > 0 && conf->socket_count > 0);
	}
	ahead = read_ahead(&text, r.good);
	if (rc == 0)
		compare(conf, ahead);
	tk_conf_free(&ahead);
	tk_conf_free(&conf);
	tk_file_fini(&text);
	return 0;
}
