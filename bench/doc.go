// Package bench measures Crenel beside what people use instead: the same client, the same machine, one
// run. `make bench` prints what docs/benchmarks.md shows.
package bench
