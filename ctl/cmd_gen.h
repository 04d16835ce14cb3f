/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_gen.h - `tkctl gen FILE [--keys N] [--bits 128|256]`: a new key file, mode 0600.  A
 * file that is there already is not touched.
 */
#ifndef TK_CMD_GEN_H
#define TK_CMD_GEN_H

#include "ctl/status.h"

enum tk_status tk_cmd_gen(int argc, char **argv);

#endif
