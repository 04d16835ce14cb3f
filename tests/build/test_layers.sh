#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/layers.sh has to fail: each case below breaks one rule of the house in a copy of the tree.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/tree

fresh() {
	rm -rf "$tree"
	mkdir "$tree" && (cd "$src" && tar cf - core common provider ctl include \
		tests/layers.sh tests/layers.txt) | tar xf - -C "$tree" && chmod -R u+w "$tree"
}
layers() { sh "$tree/tests/layers.sh" "$tree"; }

# breaks WHAT FILE LINE TEXT: LINE at the end of FILE has to be found, with TEXT in the complaint.
breaks() {
	fresh || exit 1
	printf '%s\n' "$3" >> "$tree/$2"
	check "$1" fails_with "$4" layers
}

fresh || exit 1
check "the tree as it is keeps the rules" layers
breaks "core does not look into common" core/key.c '#include "common/conf.h"' 'core/key.c:'
breaks "common does not look into provider" common/file.c '#include "provider/log.h"' 'may not look into provider/log.h'
breaks "the command does not look into the module" ctl/main.c '#include "provider/vault.h"' 'may not look into provider/vault.h'
breaks "the module does not look into the command" provider/log.c '#include "ctl/client.h"' 'may not look into ctl/client.h'
breaks "nothing points up" provider/vault.c '#include "provider/hook.h"' 'points up to provider/hook.h'
breaks "nothing points sideways" provider/vault.h '#include "provider/board.h"' 'points up to provider/board.h'
breaks "a header in another form is no way round" core/key.c '# include   "common/conf.h"' 'may not look into common/conf.h'
breaks "a comment is no way round" core/key.c '#include/**/"common/conf.h"' 'may not look into common/conf.h'
breaks "comments are no way round" core/key.c '/* a *//**/ # /***/ include /* b * c */ "common/conf.h"' 'may not look into common/conf.h'
breaks "nor is a digraph" core/key.c '%:include "common/conf.h"' 'may not look into common/conf.h'
breaks "nor a macro" core/key.c '#include CONF' 'cannot be read'
breaks "angle brackets are no way round" provider/vault.c '#include <provider/hook.h>' 'angle brackets'
breaks "relative paths are no way round" core/key.c '#include "../common/conf.h"' 'may not look into ../common/conf.h'
breaks "includes name the folder" core/ring.c '#include "key.h"' 'may not look into key.h'
breaks "contracts do not look into the code" include/tkprov/err.h '#include "core/key.h"' 'may not look into core/key.h'
breaks "a file needs a level" core/stray.c '#include <stdint.h>' 'core/stray.c:1: has no level'
breaks "a level needs a file" tests/layers.txt '1 core/gone' 'core/gone'
breaks "a level stands once" tests/layers.txt '9 core/key' 'core/key'
breaks "libconfig has one owner" common/file.c '#include <libconfig.h>' '<libconfig.h> has another owner'
breaks "EVP has one owner" provider/scope.c '#include <openssl/evp.h>' '<openssl/evp.h> has another owner'
breaks "sockets have owners" provider/vault.c '#include <sys/socket.h>' '<sys/socket.h> has another owner'
breaks "threads have owners" provider/ticket.c '#include <pthread.h>' '<pthread.h> has another owner'
breaks "any OpenSSL header has an owner" ctl/main.c '#include <openssl/bio.h>' '<openssl/bio.h> has no owner'
breaks "core is pure" core/ring.c '#include <unistd.h>' 'core is pure'

fresh || exit 1
rm "$tree/tests/layers.txt"
check "without levels nothing passes" fails_with 'layers.txt' layers
fresh || exit 1
(cd "$tree" && find core common provider ctl include -name '*.[ch]' -exec rm {} +)
check "without files nothing passes" fails_with '0 files' layers
done_checking
