# SPDX-License-Identifier: Apache-2.0
# man/: the manuals, in mdoc.

dist_man_MANS = man/tkctl.1 man/tkprov.conf.5 man/tkprov.7
