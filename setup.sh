#!/bin/sh
# Installs the Debian packages that a make target needs, or names them where it may not.
#   setup.sh build|test|soak|bench|generate
set -eu
need() { # command package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
missing=
case "${1:-}" in
build)
	command -v go >/dev/null 2>&1 || { echo "setup: Go $(sed -n 's/^go //p' go.mod) or newer must be on the PATH" >&2; exit 1; }
	;;
test)
	need ip iproute2
	need curl curl
	need ping iputils-ping
	need nft nftables
	need busybox busybox
	need python3 python3
	[ -x /usr/bin/aws ] || missing="$missing awscli"
	[ -x /usr/bin/ansible-playbook ] || missing="$missing ansible"
	[ -e /usr/lib/python3/dist-packages/boto3 ] || missing="$missing python3-boto3"
	;;
soak)
	need qemu-system-x86_64 qemu-system-x86
	need cpio cpio
	need xz xz-utils
	;;
bench)
	# What Crenel is measured against.
	need ip iproute2
	need iptables-legacy-restore iptables
	need ipset ipset
	need nft nftables
	;;
generate)
	# The committed objects are Debian 12's clang's, to the byte.
	need clang-14 clang-14
	need llvm-strip-14 llvm-14
	need protoc protobuf-compiler
	[ -e /usr/include/linux/bpf.h ] || missing="$missing linux-libc-dev"
	;;
*)
	echo "usage: setup.sh build|test|soak|bench|generate" >&2
	exit 2
	;;
esac
if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
		echo "setup: these Debian packages are missing:$missing" >&2
		exit 1
	fi
	echo "setup: installing$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
# The AWS SDK for JavaScript, for lab's tests of clients.
if [ "$1" = test ] && [ ! -e lab/testdata/js/node_modules ]; then
	command -v npm >/dev/null 2>&1 || { echo "setup: Node.js and npm must be on the PATH" >&2; exit 1; }
	npm ci --prefix lab/testdata/js --no-audit --no-fund --silent
fi
# Debian's kernel of another version than the one that runs here, for datapath's tests in a virtual machine. It is not
# installed, only unpacked.
kernel=datapath/testdata/kernel
if [ "$1" = soak ] && [ ! -e $kernel/boot ]; then
	package=$(apt-cache depends linux-image-6.12-amd64 | awk '/Depends:/ { print $2; exit }')
	[ -n "$package" ] || { echo "setup: no package linux-image-6.12-amd64: is bookworm-security among apt's sources?" >&2; exit 1; }
	rm -rf $kernel.new
	mkdir -p $kernel.new
	(cd $kernel.new && apt-get download -qq "$package" && dpkg-deb -x ./*.deb . && rm -f ./*.deb)
	mv $kernel.new $kernel
fi
