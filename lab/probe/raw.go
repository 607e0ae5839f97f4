package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// raw sends the IPv4 packet, whose header says from where to where.
func raw(text string) error {
	packet, err := hex.DecodeString(text)
	if err != nil {
		return err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return fmt.Errorf("a raw socket: %w", err)
	}
	defer unix.Close(s)
	return unix.Sendto(s, packet, 0, &unix.SockaddrInet4{Addr: [4]byte(packet[16:20])})
}

// frames prints what comes in, before the IP stack has seen it.
func frames() error {
	const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP<<8&0xff00 // in the network's order
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ipv4)
	if err != nil {
		return fmt.Errorf("a packet socket: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println("ready")
	for b := make([]byte, 64<<10); ; {
		n, from, err := unix.Recvfrom(s, b, 0)
		if err != nil {
			return err
		}
		if at, ok := from.(*unix.SockaddrLinklayer); ok && at.Pkttype != unix.PACKET_OUTGOING {
			fmt.Println(hex.EncodeToString(b[:n]))
		}
	}
}
