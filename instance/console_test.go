package instance

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

func TestTheConsoleKeepsTheEnd(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	f, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []byte
	for range 400 {
		c, err := openConsole(f) // as after a restart
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, random.IntN(8<<10))
		if random.IntN(50) == 0 {
			p = make([]byte, random.IntN(2*consoleRing))
		}
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		if n, err := c.Write(p); n != len(p) || err != nil {
			t.Fatal(n, err)
		}
		all = append(all, p...)
		got, err := readConsole(f)
		if err != nil {
			t.Fatal(err)
		}
		if want := all[max(0, len(all)-consoleOutput):]; !bytes.Equal(got, want) {
			t.Fatalf("after %d bytes: got %d bytes that are not the last %d", len(all), len(got), len(want))
		}
	}
	if info, err := f.Stat(); err != nil || info.Size() != consoleHeader+consoleRing {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// Bytes count up, so that any piece that is not one is seen.
func TestAReaderOfTheConsoleSeesNoMixture(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := openConsole(f)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := make([]byte, 251*16)
		for i := range p {
			p[i] = byte(i % 251)
		}
		for range 5000 {
			c.Write(p)
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		out, err := readConsole(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(out); i++ {
			if out[i] != byte((int(out[i-1])+1)%251) {
				t.Fatalf("byte %d of %d: %d after %d", i, len(out), out[i], out[i-1])
			}
		}
	}
}

func TestThereIsNoConsoleBeforeTheFirstStart(t *testing.T) {
	if out, err := (Home{Dir: t.TempDir()}).ConsoleOutput("i-1"); out != nil || err != nil {
		t.Error(out, err)
	}
}
