package hostnet

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// host gives the test a network namespace of its own to be the host in. The test's goroutine stays on
// its thread, and the namespace goes with it.
func host(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	ip(t, "link set lo up")
}

// namespace is the network namespace of an instance.
func namespace(t *testing.T) *os.File {
	t.Helper()
	made := make(chan *os.File)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			t.Error(err)
		}
		made <- f
	}()
	f := <-made
	t.Cleanup(func() { f.Close() })
	return f
}

func ip(t *testing.T, args string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Split(args, " ")...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return string(out)
}

// inside runs ip in an instance's namespace.
func inside(t *testing.T, ns *os.File, args string) string {
	t.Helper()
	cmd := exec.Command("nsenter", append([]string{"--net=/proc/self/fd/3", "ip"}, strings.Split(args, " ")...)...)
	cmd.ExtraFiles = []*os.File{ns}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return string(out)
}

func open(t *testing.T, owner string) *Links {
	t.Helper()
	l, err := Open(owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func eni(id string) Interface {
	return Interface{
		ID: id, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 10},
		Addr: netip.MustParsePrefix("172.31.0.10/20"), Gateway: netip.MustParseAddr("172.31.0.1"),
		IPv6: []netip.Addr{netip.MustParseAddr("3fff:120:0:100::4"), netip.MustParseAddr("3fff:120:0:100::5")}, IPv6Gateway: netip.MustParseAddr("fe80::ff:fe00:1"),
	}
}

func TestAnOwnerIsEightHexadecimalDigits(t *testing.T) {
	for _, owner := range []string{"", "5f3a9c0", "5f3a9c011", "5f3a9c0x", "+f3a9c01"} {
		if l, err := Open(owner); err == nil {
			l.Close()
			t.Errorf("Open(%q) succeeded", owner)
		}
	}
}

func TestAnInterfaceIsDownUntilUp(t *testing.T) {
	host(t)
	l, ns := open(t, "5f3a9c01"), namespace(t)
	index := must[int](t)(l.AddInterface(eni("eni-1"), ns))
	want := []Link{{ID: "eni-1", Name: l.name("eni-1"), Index: index}}
	if diff := cmp.Diff(want, must[[]Link](t)(l.Interfaces())); diff != "" {
		t.Error(diff)
	}
	if out := inside(t, ns, "-o link show eth0"); strings.Contains(out, "UP") || !strings.Contains(out, "mtu 9001") || !strings.Contains(out, "02:00:00:00:00:0a") {
		t.Error("the instance's end before Up:", out)
	}
	if err := l.Up(eni("eni-1"), ns); err != nil {
		t.Fatal(err)
	}
	want[0].Up = true
	if diff := cmp.Diff(want, must[[]Link](t)(l.Interfaces())); diff != "" {
		t.Error(diff)
	}
	if out := inside(t, ns, "-o -4 addr"); !strings.Contains(out, "127.0.0.1/8") || !strings.Contains(out, "172.31.0.10/20") {
		t.Error("addresses inside:", out)
	}
	if out := inside(t, ns, "route"); !strings.Contains(out, "default via 172.31.0.1 dev eth0") {
		t.Error("routes inside:", out)
	}
	if out := inside(t, ns, "-o -6 addr show dev eth0"); !strings.Contains(out, "3fff:120:0:100::4/64") || !strings.Contains(out, "3fff:120:0:100::5/64") || strings.Contains(out, "global tentative") {
		t.Error("addresses of IPv6 inside:", out)
	}
	if out := inside(t, ns, "-6 route"); !strings.Contains(out, "default via fe80::ff:fe00:1 dev eth0") {
		t.Error("routes of IPv6 inside:", out)
	}
	if out := ip(t, "-o addr show "+l.name("eni-1")); out != "" {
		t.Error("the host's end has an address:", out)
	}
}

func TestEveryStepCanBeRepeated(t *testing.T) {
	host(t)
	ns := namespace(t)
	first := open(t, "5f3a9c01")
	index := must[int](t)(first.AddInterface(eni("eni-1"), ns))
	inside(t, ns, "link set eth0 name mine") // root inside may rename it
	for range 2 {
		again := open(t, "5f3a9c01") // as after kill -9
		if got := must[int](t)(again.AddInterface(eni("eni-1"), ns)); got != index {
			t.Errorf("made again as %d, was %d", got, index)
		}
		if err := again.Up(eni("eni-1"), ns); err != nil {
			t.Error(err)
		}
	}
	inside(t, ns, "route replace default dev mine") // and route as it likes
	if err := first.Up(eni("eni-1"), ns); err != nil {
		t.Error(err)
	}
	if out := inside(t, ns, "route show default"); strings.Contains(out, "via") {
		t.Error("Up has undone what root inside did:", out)
	}
	if out := inside(t, ns, "-o -4 addr show mine"); strings.Count(out, "172.31.0.10/20") != 1 {
		t.Error("addresses inside:", out)
	}
	for range 2 {
		if err := first.RemoveInterface("eni-1"); err != nil {
			t.Error(err)
		}
	}
	if got := must[[]Link](t)(first.Interfaces()); got != nil {
		t.Error("left after removal:", got)
	}
}

func TestAnInterfaceFollowsItsInstanceToANewNamespace(t *testing.T) {
	host(t)
	l, before, now := open(t, "5f3a9c01"), namespace(t), namespace(t)
	must[int](t)(l.AddInterface(eni("eni-1"), before))
	must[int](t)(l.AddInterface(eni("eni-1"), now))
	if out := inside(t, now, "-o link"); !strings.Contains(out, "eth0@") {
		t.Error("the new namespace has:", out)
	}
	if out := inside(t, before, "-o link"); strings.Contains(out, "eth0@") {
		t.Error("the old namespace still has:", out)
	}
}

func TestTwoInterfacesOfOneInstance(t *testing.T) {
	host(t)
	l, ns := open(t, "5f3a9c01"), namespace(t)
	second := eni("eni-2")
	second.Device, second.MAC, second.Addr = 1, net.HardwareAddr{2, 0, 0, 0, 0, 11}, netip.MustParsePrefix("172.31.16.10/20")
	second.Gateway = netip.MustParseAddr("172.31.16.1")
	for _, i := range []Interface{second, eni("eni-1")} {
		must[int](t)(l.AddInterface(i, ns))
		if err := l.Up(i, ns); err != nil {
			t.Fatal(err)
		}
	}
	if out := inside(t, ns, "route get 203.0.113.1"); !strings.Contains(out, "dev eth0") {
		t.Error("the default route does not leave by eth0:", out)
	}
}

func TestALinkMadeJustBeforeACrashIsKnown(t *testing.T) {
	host(t)
	l, ns := open(t, "5f3a9c01"), namespace(t)
	must[int](t)(l.AddInterface(eni("eni-1"), ns))
	ip(t, "link set "+l.name("eni-1")+" alias ")
	if got := must[[]Link](t)(l.Interfaces()); len(got) != 1 || got[0].ID != "" {
		t.Errorf("without its alias: %+v", got)
	}
	must[int](t)(l.AddInterface(eni("eni-1"), ns))
	if got := must[[]Link](t)(l.Interfaces()); len(got) != 1 || got[0].ID != "eni-1" {
		t.Errorf("made again: %+v", got)
	}
	ip(t, "link set "+l.name("eni-1")+" alias ")
	if err := l.RemoveAll(); err != nil {
		t.Error(err)
	}
	if got := must[[]Link](t)(l.Interfaces()); got != nil {
		t.Error("left:", got)
	}
}

func TestForeignLinksStay(t *testing.T) {
	host(t)
	l, ns := open(t, "5f3a9c01"), namespace(t)
	ip(t, "link add "+l.name("eni-1")+" type veth peer name other")
	before := ip(t, "-o link")
	if _, err := l.AddInterface(eni("eni-1"), ns); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Error("AddInterface over a foreign link:", err)
	}
	if err := l.RemoveInterface("eni-1"); err == nil {
		t.Error("RemoveInterface removed a foreign link")
	}
	if err := l.RemoveAll(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, ip(t, "-o link")); diff != "" {
		t.Error("a foreign link was changed:", diff)
	}
}

func TestOwnersDoNotTouchEachOther(t *testing.T) {
	host(t)
	ip(t, "link add foreign type veth peer name foreign-out")
	before := ip(t, "-o link")
	a, b := open(t, "0000000a"), open(t, "0000000b")
	for _, l := range []*Links{a, b} { // the same id in both
		must[int](t)(l.AddInterface(eni("eni-1"), namespace(t)))
		must[Internet](t)(l.ClaimPublic(netip.Prefix{}))
	}
	linksOf := func(l *Links) string {
		n, _, err := l.Internet()
		if err != nil {
			t.Fatal(err)
		}
		return ip(t, "-o addr show "+n.Name) + ip(t, "-o link show "+l.name("eni-1"))
	}
	ofB := linksOf(b)
	if err := a.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	if got := must[[]Link](t)(a.Interfaces()); got != nil {
		t.Error("a has left:", got)
	}
	if diff := cmp.Diff(ofB, linksOf(b)); diff != "" {
		t.Error("removing a's changed b's:", diff)
	}
	if err := b.RemoveAll(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, ip(t, "-o link")); diff != "" {
		t.Error("not what was there before:", diff)
	}
}

func TestProbeFindsNothingMissingAndLeavesNothing(t *testing.T) {
	host(t)
	before := ip(t, "-o link")
	if missing := Probe(); missing != nil {
		t.Error(missing)
	}
	if diff := cmp.Diff(before, ip(t, "-o link")); diff != "" {
		t.Error(diff)
	}
}

func TestNamesFitAndDifferByOwner(t *testing.T) {
	a, b := &Links{owner: "0000000a"}, &Links{owner: "0000000b"}
	names := []string{a.name("eni-1"), a.name("eni-2"), b.name("eni-1"), b.name("eni-2")}
	slices.Sort(names)
	if len(slices.Compact(names)) != 4 || len(names[0]) > 15 {
		t.Error(names)
	}
}
