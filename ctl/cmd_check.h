/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_check.h - `tkctl check [CONF] [--openssl-conf FILE]`, made for ExecStartPre=.
 */
#ifndef TK_CMD_CHECK_H
#define TK_CMD_CHECK_H

#include "ctl/status.h"

/* argv[0] is `check`; what follows may be put into another order.  Findings go to stderr,
 * the good news to stdout.
 * Returns TK_STATUS_DONE (warnings or none), TK_STATUS_FAILED or TK_STATUS_USAGE. */
enum tk_status tk_cmd_check(int argc, char **argv);

#endif
