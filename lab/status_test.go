package lab

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"path/filepath"
	"testing"

	"crenel/ec2"
)

// What the kernel dropped, and why, is in the status, by interface.
func TestStatusSaysWhatWasDropped(t *testing.T) {
	u := start(t, t.TempDir())
	p := newPair(t, u)
	p.do("drop c s tcp 81\ndrop c s icmp\npass c s tcp 80")
	var out ec2.DescribeNetworkInterfacesOutput
	if err := p.play.on.call("DescribeNetworkInterfaces", url.Values{"Filter.1.Name": {"attachment.instance-id"}, "Filter.1.Value.1": {p.instances["s"]}}, &out); err != nil {
		t.Fatal(err)
	}
	eni := *out.NetworkInterfaces[0].NetworkInterfaceId
	eventually(t, "the server's interface counts what it dropped and what it let in", func() bool {
		raw, err := exec.Command(filepath.Join(u.bin, "crenel"), "status", "--data-dir", u.dir, "--json").Output()
		var status struct {
			Packets []struct {
				Interface, Reason string
				Packets           uint64
			}
		}
		if err == nil {
			err = json.Unmarshal(raw, &status)
		}
		if err != nil {
			t.Fatal(err)
		}
		dropped, passed := uint64(0), uint64(0)
		for _, c := range status.Packets {
			switch {
			case c.Interface == eni && c.Reason == "no-ingress-rule":
				dropped = c.Packets
			case c.Interface == eni && c.Reason == "established":
				passed = c.Packets
			}
		}
		return dropped >= 2 && passed > 0
	})
}
