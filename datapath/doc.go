// Package datapath enforces a policy.View in the kernel.
//
// Lower compiles a View to an Image, which is plain data; a Datapath is the maps and programs that
// hold one in force, and Apply brings them from the Image that they hold to the next:
//
//	d, err := datapath.Open(datapath.Options{Dir: "/sys/fs/bpf/crenel-1"})
//	err = d.Attach("eni-1", ifindex) // from here on the link drops everything
//	image, err := datapath.Lower(view)
//	err = d.Apply(image, map[uint32]int{1: ifindex}) // from here on it does what the View says
//
// What is in force stays in force when the process ends: the next one to Open the folder adopts it.
// If that is of a version with other maps, what is in force is enforced by that version's programs until TakeOver.
// The programs are in bpf/, and what they do is in docs/packet.md.
package datapath

//go:generate go tool bpf2go -target bpfel -cc clang-14 -type interface_flag -type address -type takeover -type program_before kernel bpf/vpc.c -- -O2 -Wall -Wextra -Wno-unused-parameter -Werror -mcpu=v3 -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
//go:generate ./older.sh
