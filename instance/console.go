package instance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A console keeps the last of what was written to it in a file of constant size: a header that counts
// all bytes ever written, and a ring. The writer is in the instance, readers are not, and they share
// no lock: a reader notices by the count if the writer has caught up with it.
type console struct {
	file    *os.File
	written uint64 // all bytes ever
}

const (
	consoleFile   = "console"
	consoleOutput = 64 << 10 // AWS: "the most recent 64 KB"
	consoleRing   = 256 << 10
	consoleHeader = 8
)

// ConsoleOutput returns the last 64 KiB that an instance wrote to its console, alive or not, over all
// of its starts.
func (h Home) ConsoleOutput(id string) ([]byte, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(h.dir(id), consoleFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the console of %s: %w", id, err)
	}
	defer f.Close()
	out, err := readConsole(f)
	if err != nil {
		return nil, fmt.Errorf("read the console of %s: %w", id, err)
	}
	return out, nil
}

// ConsoleTime returns when the instance last wrote to its console; zero: never.
func (h Home) ConsoleTime(id string) time.Time {
	st, err := os.Stat(filepath.Join(h.dir(id), consoleFile))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

func (h Home) openConsole(id string) (*os.File, error) {
	return os.OpenFile(filepath.Join(h.dir(id), consoleFile), os.O_CREATE|os.O_RDWR, 0o600)
}

// openConsole goes on where the last writer of the file ended.
func openConsole(f *os.File) (*console, error) {
	n, err := consoleLength(f)
	return &console{file: f, written: n}, err
}

func (c *console) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		at := c.written % consoleRing
		n := min(len(p), int(consoleRing-at), consoleOutput) // a piece that a reader can tell from the rest
		if _, err := c.file.WriteAt(p[:n], consoleHeader+int64(at)); err != nil {
			return total - len(p), err
		}
		p = p[n:]
		c.written += uint64(n)
		if _, err := c.file.WriteAt(binary.LittleEndian.AppendUint64(nil, c.written), 0); err != nil {
			return total - len(p), err
		}
	}
	return total, nil
}

func readConsole(f *os.File) ([]byte, error) {
	for tries := 0; ; tries++ {
		end, err := consoleLength(f)
		if err != nil {
			return nil, err
		}
		out := make([]byte, min(end, consoleOutput))
		start := end - uint64(len(out))
		if err := readRing(f, out, start); err != nil {
			return nil, err
		}
		now, err := consoleLength(f)
		if err != nil {
			return nil, err
		}
		// What was read is whole unless the ring came round to it, with the piece being written; and root
		// in the instance may see to it that it always does.
		if now+consoleOutput <= start+consoleRing || tries == 100 {
			return out, nil
		}
	}
}

func readRing(f *os.File, out []byte, at uint64) error {
	for len(out) > 0 {
		n := min(len(out), int(consoleRing-at%consoleRing))
		if _, err := f.ReadAt(out[:n], consoleHeader+int64(at%consoleRing)); err != nil {
			return err
		}
		out, at = out[n:], at+uint64(n)
	}
	return nil
}

func consoleLength(f *os.File) (uint64, error) {
	var header [consoleHeader]byte
	if _, err := f.ReadAt(header[:], 0); err == io.EOF {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(header[:]), nil
}
