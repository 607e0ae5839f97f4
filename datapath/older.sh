#!/bin/sh
# Writes testdata/older_bpfel.o: the same programs over connections that lie in memory in another way, as of an older
# layout, to be taken over by the tests. Run by go generate; the bytes are the same wherever it runs.
set -eu
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cp -r bpf "$made"
to=$PWD/testdata/older_bpfel.o
cd "$made"

# replace STRUCT: its definition becomes what is read.
replace() {
	cat > new
	[ "$(grep -c "^struct $1 {\$" bpf/maps.h)" = 1 ] || { echo "older.sh: there is no one struct $1 in bpf/maps.h" >&2; exit 1; }
	sed -e "/^struct $1 {\$/,/^};\$/{/^};\$/r new" -e 'd}' -i bpf/maps.h
}
replace connection_key <<'END'
struct connection_key {
	__u8 asked, protocol;
	__be16 remote_port, local_port;
	__u16 pad;
	struct address remote, local;
	__u32 interface;
};
END
replace connection <<'END'
struct connection {
	__u32 peer, opened;
	__u64 gone;
	__u32 seen, other, state, gone_too;
};
END

clang-14 -O2 -Wall -Wextra -Wno-unused-parameter -Werror -mcpu=v3 -g -fno-ident -fdebug-compilation-dir . -target bpfel \
	-idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu -c bpf/vpc.c -o older.o
llvm-strip-14 -g older.o
cp older.o "$to"
