package api

import (
	"encoding/binary"
	"fmt"
	mrand "math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"crenel/vpc"
)

// populated is a world in which every noun occurs.
func populated(t *testing.T) *world {
	w := newWorld(t)
	w.pool("198.18.0.0/24")
	v, ipv6 := w.dualVPC("10.0.0.0/16")
	subnet := w.subnet(v, "10.0.1.0/24")
	try := func(action, form string) {
		w.Helper()
		must(w, action, strings.NewReplacer("{vpc}", v, "{subnet}", subnet).Replace(form))
	}
	try("AssociateSubnetCidrBlock", "SubnetId={subnet}&Ipv6CidrBlock="+cut(ipv6, 64, 1))
	try("CreateInternetGateway", "")
	for g := range w.state.InternetGateways.By("scope", w.scope.Key()) {
		if g.VPC == "" {
			try("AttachInternetGateway", "VpcId={vpc}&InternetGatewayId="+g.ID)
		}
	}
	try("CreateSubnetCidrReservation", "SubnetId={subnet}&ReservationType=explicit&Cidr=10.0.1.240/28")
	try("CreateDhcpOptions", "DhcpConfiguration.1.Key=domain-name&DhcpConfiguration.1.Value.1=example.com")
	try("CreateNetworkAcl", "VpcId={vpc}")
	table := w.routeTable(v)
	w.egressOnly(v)
	w.privateNAT(subnet)
	list := w.newPrefixList("IPv4", "192.0.2.0/24")
	group := w.group("web", v)
	try("AuthorizeSecurityGroupIngress", "GroupId="+group+"&"+permissions("tcp 80 80 10.0.0.0/8;-1 - - "+group+";tcp 22 22 ::/0;udp 53 53 "+list))
	other := w.vpc("10.1.0.0/16")
	try("AssociateSecurityGroupVpc", "GroupId="+group+"&VpcId="+other)
	pcx := w.peer(v, other)
	try("AcceptVpcPeeringConnection", "VpcPeeringConnectionId="+pcx)
	w.peer(other, w.defaultVPC())
	face := *w.newFace("SubnetId=" + subnet + "&SecondaryPrivateIpAddressCount=1&Ipv6AddressCount=1").NetworkInterfaceId
	instance := *w.run("InstanceType=t3.micro&SubnetId=" + subnet).InstanceId
	w.attach(face, instance, 1)
	w.run("InstanceType=t3.micro")
	w.launch("")
	spare := *w.newFace("SubnetId=" + subnet).NetworkInterfaceId
	try("CreateNetworkInterfacePermission", "Permission=INSTANCE-ATTACH&AwsAccountId=999999999999&NetworkInterfaceId="+spare)
	for range 2 {
		w.allocate()
	}
	w.elasticIP(face)
	try("CreateRoute", "RouteTableId="+table+"&DestinationCidrBlock=10.1.0.0/16&VpcPeeringConnectionId="+pcx)
	try("CreateRoute", "RouteTableId="+table+"&DestinationCidrBlock=198.51.100.0/24&NetworkInterfaceId="+face)
	try("AssociateRouteTable", "RouteTableId="+table+"&SubnetId={subnet}")
	try("CreateKeyPair", "KeyName=ops&KeyType=ed25519")
	w.template("web", "ImageId="+testImage+"&InstanceType=t3.micro")
	try("AssociateIamInstanceProfile", "IamInstanceProfile.Name=web&InstanceId="+instance)
	w.endpoint("VpcId=" + v + s3Service + "&RouteTableId.1=" + table)
	w.logged("VPC", v, toS3+allOf)
	path := w.path("Source=" + instance + "&Destination=" + face)
	try("StartNetworkInsightsAnalysis", "ClientToken=a&NetworkInsightsPathId="+path)
	try("CreateNetworkInsightsAccessScope", "ClientToken=b&MatchPath.1.Source.PacketHeaderStatement.Protocol.1=tcp")
	for a := range w.state.NetworkInsightsAccessScopes.All() {
		try("StartNetworkInsightsAccessScopeAnalysis", "ClientToken=c&NetworkInsightsAccessScopeId="+a.ID)
	}
	for kind, n := range w.state.Counts() {
		if n == 0 && kind != "access-key" && kind != "quota" {
			t.Errorf("the world has no %s", kind)
		}
	}
	return w
}

// must is a call whose answer does not matter.
func must(w *world, action, form string) {
	w.Helper()
	if _, err := w.try(action, form); err != nil {
		w.Fatalf("%s %s: %v", action, form, err)
	}
}

var awsCode = regexp.MustCompile(`^[A-Z][A-Za-z0-9]+(\.[A-Z][A-Za-z]+)?$`)

// badError says what is wrong with a refusal of the call, or "": that it is none of AWS's, or has no words.
func badError(err error) string {
	e, ok := err.(*vpc.Error)
	switch {
	case !ok:
		return fmt.Sprintf("the error is a %T", err)
	case !awsCode.MatchString(e.Code), e.Code == "InternalError":
		return "no code of AWS's: " + e.Code
	case len(strings.Fields(e.Message)) < 2 && e.Message != "vpc-id" || strings.Contains(e.Message, "%!"): // which AWS says of a filter
		return fmt.Sprintf("no message: %q", e.Message)
	}
	return ""
}

// inAWSWords are messages that name their parameter as people would.
var inAWSWords = regexp.MustCompile(`^(M(in|ax)imum instance count|You must specify an a(llocation|ssociation) id|Invalid value 'null' for protocol|Invalid security group (name|description)|The subnet '|` +
	`You may not specify all protocols and specific ports|You may not specify an? [A-Za-z0-9 ]+ for an existing |Invalid value for portRange|Each network interface requires a device index|CIDR block  is|` +
	`invalid value for parameter address: $)`)

// namesPartOf tells whether the message names a parameter of the call, or what the call said.
func namesPartOf(form url.Values, message string) bool {
	if inAWSWords.MatchString(message) {
		return true
	}
	message = strings.ToLower(message)
	for path, values := range form {
		if values[0] != "" && strings.Contains(message, strings.ToLower(values[0])) {
			return true
		}
		for part := range strings.SplitSeq(strings.ToLower(path), ".") {
			if len(part) > 2 && strings.Contains(message, part) {
				return true
			}
		}
	}
	return false
}

// blameless is the call's refusal, if it is of a value and says neither which nor whose; else "".
func (w *world) blameless(o Operation, form url.Values) string {
	in, err := o.Decode(form)
	if err == nil && o.Write {
		_, err = o.Apply(w.state.Edit(w.scope, testNow, w.ids), in)
	}
	if vpc.Code(err) != "InvalidParameterValue" || namesPartOf(form, err.(*vpc.Error).Message) {
		return ""
	}
	return "the refusal names neither a parameter nor a value: " + err.Error()
}

// any makes a call of the operation and says what is wrong with what came of it, or "".
func (w *world) any(o Operation, form url.Values) (wrong string) {
	defer func() {
		if p := recover(); p != nil {
			wrong = fmt.Sprintf("it panics: %v", p)
		}
	}()
	in, err := o.Decode(form)
	if err != nil {
		return badError(err)
	}
	if !o.Write {
		if _, err = o.Read(w.state.As(w.scope), in, noHosts{}); err != nil {
			return badError(err)
		}
		return ""
	}
	before := strings.Join(contents(w.T, w.state), "\n")
	e := w.state.Edit(w.scope, testNow, w.ids)
	_, err = o.Apply(e, in)
	if after := strings.Join(contents(w.T, w.state), "\n"); after != before {
		return "it reaches into the State"
	}
	if err != nil {
		return badError(err)
	}
	next, err := w.state.With(w.state.Revision+1, e.Changes())
	if err != nil {
		return err.Error()
	}
	w.state = next
	return w.unsound()
}

// unsound says what of all that must hold does not, or "".
func (w *world) unsound() string {
	for _, wrong := range []string{unsound(w.state), unsoundRouting(w.state), unsoundStored(w.state), unsoundAddresses(w.state), unsoundAssociations(w.state), unsoundAttachments(w.state),
		promisesBroken(w.state), unsoundNetwork(w.state.As(w.scope))} {
		if wrong != "" {
			return wrong
		}
	}
	return ""
}

// noHosts have no consoles.
type noHosts struct{}

func (noHosts) Console(string) ([]byte, time.Time) { return nil, time.Time{} }

// Any operation with any parameters, on a State that has everything, is answered or refused in AWS's words, never
// panics, and leaves what must hold.
func FuzzOperation(f *testing.F) {
	seeds := uint64(60)
	if os.Getenv("CRENEL_SOAK") != "" {
		seeds = 2000
	}
	for seed := range seeds {
		f.Add(seed)
	}
	var start *world
	succeeded, ran := map[string]bool{}, uint64(0)
	f.Cleanup(func() {
		if n := len(succeeded); ran >= seeds && n < 30 && !f.Failed() {
			f.Errorf("only %d operations ever changed something: the calls are too wild to prove anything", n)
		}
	})
	f.Fuzz(func(t *testing.T, seed uint64) {
		if start == nil {
			start = populated(t)
		}
		ran++
		w := *start
		w.T = t
		w.ids = mrand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24), seed)))
		random := mrand.New(mrand.NewPCG(seed, 0))
		all := actions(false)
		for range 40 {
			o := all[random.IntN(len(all))]
			form := newDrawer(w.state, contents(t, w.state), random.IntN).call(o)
			revision := w.state.Revision
			wrong := w.any(o, form)
			if w.state.Revision > revision {
				succeeded[o.Name] = true
			}
			if wrong == "" {
				wrong = w.blameless(o, form)
			}
			if wrong != "" {
				t.Fatalf("seed %d: %s %.2000s: %s", seed, o.Name, form.Encode(), wrong)
			}
		}
	})
}

// The same of changes alone, in sequences that rapid makes small where they break something.
func TestAnySequenceOfChangesStaysSound(t *testing.T) {
	start := populated(t)
	all := actions(true)
	rapid.Check(t, func(r *rapid.T) {
		w := *start
		w.ids = mrand.NewChaCha8([32]byte{1})
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(r, "of") }
		for range rapid.IntRange(1, 20).Draw(r, "calls") {
			o := all[choose(len(all))]
			form := newDrawer(w.state, contents(t, w.state), choose).call(o)
			if wrong := w.any(o, form); wrong != "" {
				r.Fatalf("%s %.2000s: %s", o.Name, form.Encode(), wrong)
			}
		}
	})
}
