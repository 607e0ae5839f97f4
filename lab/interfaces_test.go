package lab

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"crenel/ec2"
)

// An interface goes from one running instance to another: what it may do goes with it, and nothing of it stays.
func TestAnInterfaceMovesBetweenRunningInstances(t *testing.T) {
	u := start(t, t.TempDir())
	w := u.wire()
	userData := base64.StdEncoding.EncodeToString([]byte(serving(w.Probe, []int{80}, nil)))
	p := &pair{t: t, play: newPlay(&Scenario{Name: t.Name()}, w, userData)}
	p.do(`vpc main 10.9.0.0/16
		subnet a main 10.9.1.0/24
		subnet b main 10.9.2.0/24
		group client main
		group mobile main
		instance c a in client
		instance s a in client
		instance far b in client
		allow client ingress tcp 80 from client
		allow mobile ingress tcp 80 from client
		open old c s tcp 80`)
	call := func(action string, form url.Values, out any) {
		t.Helper()
		if err := w.call(action, form, out); err != nil {
			t.Fatalf("%s: %v", action, err)
		}
	}
	var made ec2.CreateNetworkInterfaceOutput
	call("CreateNetworkInterface", url.Values{"SubnetId": {p.subnets["b"]}, "SecurityGroupId.1": {p.groups["mobile"]}}, &made)
	eni, address := *made.NetworkInterface.NetworkInterfaceId, *made.NetworkInterface.PrivateIpAddress
	has := func(name string, want bool) {
		t.Helper()
		var out []byte
		for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			out, _ = w.inside(p.instances[name], "ip", "-o", "-4", "address").Output()
			if strings.Contains(string(out), " "+address+"/") == want {
				return
			}
		}
		t.Fatalf("%s has the address %s: want %t\n%s", name, address, want, out)
	}
	p.do("drop far " + address + " tcp 80")
	for _, name := range []string{"s", "c", "s"} {
		var attached ec2.AttachNetworkInterfaceOutput
		call("AttachNetworkInterface", url.Values{"NetworkInterfaceId": {eni}, "InstanceId": {p.instances[name]}, "DeviceIndex": {"1"}}, &attached)
		has(name, true)
		p.do("pass far " + address + " tcp 80\ntalk old")
		call("DetachNetworkInterface", url.Values{"AttachmentId": {*attached.AttachmentId}}, &ec2.DetachNetworkInterfaceOutput{})
		has(name, false)
		p.do("drop far " + address + " tcp 80\ntalk old")
	}
	call("DeleteNetworkInterface", url.Values{"NetworkInterfaceId": {eni}}, &ec2.DeleteNetworkInterfaceOutput{})
}
