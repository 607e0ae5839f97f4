// Package crenel has no code of its own: this test checks how its rooms may use one another.
package crenel

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A rule says what a room's own code (its tests aside) may import besides what is always allowed: the
// standard library, minus what only some rooms may touch.
type rule struct {
	rooms   string // rooms of ours
	modules string // modules of others
	std     string // packages of the standard library that need a reason
	why     string
}

var rules = map[string]rule{
	"flow":   {why: "the pure core: a packet"},
	"vpc":    {modules: "github.com/go-json-experiment/json github.com/tidwall/btree", why: "the pure core: the nouns; btree holds State's tables; json reads them twice as fast as the standard library"},
	"policy": {rooms: "flow vpc", why: "the pure core: what rules mean"},

	"policy/policytest": {rooms: "policy flow", why: "random worlds for the tests of policy and datapath"},

	"iam": {why: "the pure core: what policies of access keys mean"},

	"ec2":   {std: "net/url net/http", why: "the wire; knows nothing of ours; net/http for its status codes"},
	"sigv4": {modules: "github.com/aws/smithy-go", std: "net/http net/url", why: "knows nothing of ours; signatures cover an http.Request"},

	"api":    {rooms: "ec2 iam vpc", std: "net/url", why: "the operations: pure functions of State and input"},
	"auth":   {rooms: "iam vpc", modules: "github.com/google/renameio/v2", std: "os", why: "keys, what they may do, and the file that holds the first one"},
	"store":  {rooms: "vpc", modules: "go.etcd.io/etcd go.uber.org/zap golang.org/x/sys", std: "context net os net/url", why: "the only room that knows etcd; net says why one cannot be reached"},
	"admin":  {rooms: "api auth policy vpc", why: "the operations of whoever runs a server: pure functions of State and input"},
	"server": {rooms: "admin api auth ec2 flow hostapi iam policy sigv4 store vpc", modules: "github.com/prometheus/client_golang", std: "context net net/http net/url", why: "the HTTP front and the controller's loop"},

	"hostapi":        {rooms: "policy flow hostapi/hostpb", modules: "connectrpc.com/connect google.golang.org/protobuf", std: "context net net/http", why: "the one conversation of controller and host"},
	"hostapi/hostpb": {modules: "connectrpc.com/connect google.golang.org/protobuf", std: "context net/http", why: "generated"},

	"agent":    {rooms: "datapath hostapi hostnet instance policy", std: "context net os", why: "the loop of a host"},
	"datapath": {rooms: "policy flow", modules: "github.com/cilium/ebpf golang.org/x/sys", std: "net os", why: "the only room that knows eBPF"},
	"hostnet":  {modules: "github.com/google/nftables github.com/vishvananda/netlink github.com/vishvananda/netns golang.org/x/sys", std: "net os", why: "the only room that knows netlink"},
	"instance": {modules: "github.com/google/renameio/v2 golang.org/x/net/bpf golang.org/x/sys", std: "context net os os/exec os/signal", why: "namespace instances"},

	"supervise": {modules: "golang.org/x/sys", std: "context os os/exec", why: "the processes of crenel up"},
	"cli":       {rooms: "admin auth server store supervise vpc", modules: "github.com/alecthomas/kong github.com/aws/smithy-go github.com/google/renameio/v2 golang.org/x/sys", std: "context net net/http os os/exec os/signal os/user", why: "the commands"},
	"lab":       {rooms: "api ec2 flow policy vpc", modules: "github.com/aws/smithy-go", std: "context net/http net/url os/exec", why: "the scenario language and its executors"},

	"bench":     {why: "measures; all of it is tests"},
	"lab/probe": {modules: "golang.org/x/sys", std: "net os", why: "what scenarios run inside instances"},

	"cmd/crenel":       {rooms: "cli", std: "os", why: "wiring"},
	"cmd/crenel-agent": {rooms: "agent instance supervise", modules: "github.com/alecthomas/kong golang.org/x/sys", std: "context os os/signal", why: "wiring"},

	"datapath/bpf/gen": {rooms: "policy", std: "log os", why: "writes the reasons for C"},
}

// Reasons are needed for what reaches outside the process.
var guarded = []string{"context", "net", "net/http", "net/url", "os", "os/exec", "os/signal", "os/user", "log", "log/slog"}

// slog is for the rooms that run.
var mayLog = []string{"agent", "server", "store", "hostapi", "cli", "cmd/crenel-agent", "datapath"}

type pkg struct {
	ImportPath, Dir string
	Imports         []string
}

func packages(t *testing.T) (all []pkg) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	seen, used := map[string]bool{}, map[string]bool{}
	for _, p := range packages(t) {
		room, ok := strings.CutPrefix(p.ImportPath, "crenel/")
		if !ok {
			continue // this package
		}
		seen[room] = true
		r, ok := rules[room]
		if !ok {
			t.Errorf("the room %s has no rule: give it one, with its reason, here and in ARCHITECTURE.md", room)
			continue
		}
		for _, imp := range p.Imports {
			used[room+" "+imp] = true
			switch ours, isOurs := strings.CutPrefix(imp, "crenel/"); {
			case isOurs:
				if !slices.Contains(strings.Fields(r.rooms), ours) {
					t.Errorf("%s imports %s; it may import: %s (%s)", room, imp, r.rooms, r.why)
				}
			case strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				if !slices.ContainsFunc(strings.Fields(r.modules), func(m string) bool { return imp == m || strings.HasPrefix(imp, m+"/") }) {
					t.Errorf("%s imports %s; of other modules it may import: %s (%s)", room, imp, r.modules, r.why)
				}
			case imp == "log/slog":
				if !slices.Contains(mayLog, room) {
					t.Errorf("%s logs: return the error instead", room)
				}
			case slices.Contains(guarded, imp):
				if !slices.Contains(strings.Fields(r.std), imp) {
					t.Errorf("%s imports %s without a reason (%s)", room, imp, r.why)
				}
			}
		}
	}
	for room, r := range rules {
		if !seen[room] {
			t.Errorf("there is a rule for %s, and no such room", room)
			continue
		}
		// A permission that nobody uses is an arrow that the drawing should not have.
		for _, imp := range strings.Fields(r.std) {
			if !used[room+" "+imp] {
				t.Errorf("%s may import %s and does not", room, imp)
			}
		}
		for _, other := range strings.Fields(r.rooms) {
			if !used[room+" crenel/"+other] {
				t.Errorf("%s may import %s and does not", room, other)
			}
		}
	}
}

func TestEveryRoomHasOnePackageComment(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath == "crenel" {
			continue
		}
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		comments := 0
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				comments++
			}
		}
		if generated := strings.HasSuffix(p.Dir, "hostpb"); comments != 1 && !generated {
			t.Errorf("%s has %d package comments, want 1", p.ImportPath, comments)
		}
	}
}

// A room that vanished from the drawing, or was never drawn, misleads its next reader.
func TestArchitectureNamesEveryRoom(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for room := range rules {
		if top, _, _ := strings.Cut(room, "/"); !strings.Contains(string(text), top+"/") {
			t.Errorf("ARCHITECTURE.md does not name %s/", top)
		}
	}
}
