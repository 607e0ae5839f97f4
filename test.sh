#!/bin/sh
# Runs go test on the packages (default: all of them), shows what failed and what was skipped, and ends with Go's own summary.
# Where CRENEL_NO_SKIPS is set, a skipped test is a failure: the kernel's tests must not go missing unseen.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
case " $* " in *" ./"*) ;; *) set -- "$@" ./... ;; esac
# Built side by side, run one after another: several packages look at what the whole machine has.
go test -count=1 -run '^$' "$@" >"$log" 2>&1 || { cat "$log"; exit 1; }
go test -v -p 1 -count=1 -timeout 20m "$@" >"$log" 2>&1
status=$?
awk '/^=== (RUN|PAUSE|CONT|NAME)/ { next }
     /^ *--- PASS/ { passed++; next }
     /^(ok|FAIL|panic|\?)/ || /^ *--- (FAIL|SKIP)/ || status { print }
     END { printf "%d tests passed\n", passed }' status=$status "$log"
# What needs something that cannot be installed from everywhere says so, with the word optional.
skipped=$(awk '/^ *--- SKIP/ && before !~ /: optional: / { n++ } { before = $0 } END { print n + 0 }' "$log")
if [ "$skipped" != 0 ]; then
	echo "$skipped tests were skipped"
	[ -z "${CRENEL_NO_SKIPS:-}" ] || exit 1
fi
exit $status
