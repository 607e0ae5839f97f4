package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A starter is another process that launches an instance, as an agent does, says so and waits.
const starterArg = "start-instance"

func starter() {
	var h Home
	if err := json.Unmarshal([]byte(os.Args[2]), &h); err != nil {
		panic(err)
	}
	if len(os.Args) > 3 {
		os.Remove(os.Args[3])
	}
	ctx := context.Background()
	if err := errors.Join(h.Create(ctx, spec("i-1")), h.Run(ctx, "i-1")); err != nil {
		panic(err)
	}
	os.Stdout.WriteString("launched\n")
	io.Copy(io.Discard, os.Stdin)
}

func startStarter(t *testing.T, h Home) (cmd *exec.Cmd, says *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return startProgram(t, h, self)
}

// startProgram starts the starter from another file, and has it remove others first.
func startProgram(t *testing.T, h Home, program string, remove ...string) (cmd *exec.Cmd, says *bufio.Reader) {
	t.Helper()
	raw, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program, append([]string{starterArg, string(raw)}, remove...)...)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // open as long as this process lives
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(out)
}

func TestAnInstanceOutlivesTheProcessThatMadeIt(t *testing.T) {
	h := newHome(t)
	cmd, says := startStarter(t, h)
	if line, err := says.ReadString('\n'); line != "launched\n" {
		t.Fatal(line, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	all, err := h.List()
	if diff := cmp.Diff([]Status{{ID: "i-1", Boots: 1, Alive: true}}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	wantSh(t, h, "i-1", "hostname", "ip-172-31-0-10")
	if err := h.Stop(t.Context(), "i-1", time.Minute); err != nil {
		t.Error(err)
	}
}

// Whenever the starter is killed, the next one can go on, and nothing is left after Remove.
func TestAStarterMayBeKilledAtAnyMoment(t *testing.T) {
	h := newHome(t)
	before := leftovers(t, h)
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	alive := 0
	for range 15 {
		cmd, _ := startStarter(t, h)
		moment := time.NewTimer(time.Duration(random.IntN(60)) * time.Millisecond)
		<-moment.C
		cmd.Process.Kill()
		cmd.Wait()
		if all, err := h.List(); err != nil {
			t.Fatal(err)
		} else if len(all) > 0 && all[0].Alive {
			alive++
		}
		launch(t, h, spec("i-1"))
		wantSh(t, h, "i-1", "hostname", "ip-172-31-0-10")
		if err := h.Remove("i-1"); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d of 15 had got as far as a live instance", alive)
	if diff := cmp.Diff(before, leftovers(t, h)); diff != "" {
		t.Error("left:", diff)
	}
}

// A first process that ends while it is spoken to was not alive, whichever step of the talk it was in.
func TestAFirstProcessThatEndsWhileItIsSpokenTo(t *testing.T) {
	for name, read := range map[string]int64{"before it has read": 0, "while it reads": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			if err := h.makeFolder("i-1"); err != nil {
				t.Fatal(err)
			}
			file, err := h.listen("i-1")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			l, err := net.FileListener(file)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				if conn, err := l.Accept(); err == nil {
					io.CopyN(io.Discard, conn, read)
					conn.Close()
				}
			}()
			// More than a socket holds, so that it is being sent when the other end goes.
			large := request{Op: opExec, Args: [][]byte{make([]byte, maxRequest/2)}}
			if _, _, err := h.connect(t.Context(), "i-1", large, nil); !errors.Is(err, ErrNotAlive) {
				t.Error(err)
			}
		})
	}
}
