package policy_test

import (
	"testing"

	"crenel/policy"
)

// lead adds a route to the subnet.
func lead(v *policy.View, subnet, to string, target policy.Target, num uint32) {
	for n := range v.Subnets {
		if s := &v.Subnets[n]; s.ID == subnet {
			s.Routes = append(s.Routes[:len(s.Routes):len(s.Routes)], policy.Route{Destination: prefix(to), Target: target, Num: num})
		}
	}
}

// twinweb's VPC gets the address 10.1.1.10, so that it may be web1's peer.
func peered(rules string) (*policy.View, end) {
	v := world(rules)
	peer := end{"twinweb", twinweb.num, addr("10.1.1.10"), twinweb.public}
	for n := range v.Interfaces {
		if v.Interfaces[n].Num == peer.num {
			v.Interfaces[n].Addr = peer.addr
			v.Members[n].Addr = peer.addr
		}
	}
	lead(v, "subnet-open", "10.1.0.0/16", policy.Peering, 200)
	lead(v, "subnet-twinopen", "10.0.1.0/24", policy.Peering, 100)
	return v, peer
}

func TestPeering(t *testing.T) {
	v, peer := peered("web egress all to twin\n twin ingress tcp 80 from web\n router egress all to 0.0.0.0/0\n db egress all to 0.0.0.0/0")
	judge(t, v, []row{
		{"to a peer, by rules that name each other's groups", "allowed at twinweb", from(web1).to(peer).tcp(80)},
		{"to another port of it", "no-ingress-rule at twinweb", from(web1).to(peer).tcp(81)},
		{"who is in no group that it names", "no-ingress-rule at twinweb", from(router).to(peer).tcp(80)},
		{"what is forwarded is of no group", "no-ingress-rule at twinweb", from(router).as("10.0.1.10").to(peer).tcp(80)},
		{"nobody there has the address", "no-destination at router", from(router).toAddr("10.1.1.99").tcp(80)},
		{"a subnet without the route", "no-route at db1", from(db1).to(peer).tcp(80)},
	})
	var tracker policy.Tracker
	tell(t, &tracker, v, step{0, "allowed at twinweb", from(web1).to(peer).tcp(80)}, step{0, "established at web1", from(web1).to(peer).tcp(80).back(peer)})
	v, peer = peered("web egress all to twin\n twin ingress tcp 80 from web")
	for n := range v.Subnets {
		if v.Subnets[n].ID == "subnet-twinopen" {
			v.Subnets[n].Routes = v.Subnets[n].Routes[:len(v.Subnets[n].Routes)-1]
		}
	}
	story(t, v, // each VPC says for itself where its packets go
		step{0, "allowed at twinweb", from(web1).to(peer).tcp(80)},
		step{0, "no-destination at twinweb", from(web1).to(peer).tcp(80).back(peer)})
}

// A route into the other VPC is no route through it: what the peer's VPC leads on to is not reached.
func TestPeeringIsNotTransitive(t *testing.T) {
	v, _ := peered("web egress all to 0.0.0.0/0")
	lead(v, "subnet-open", "203.0.113.0/24", policy.Peering, 200)
	judge(t, v, []row{{"by the peer's internet gateway", "no-destination at web1", from(web1).toAddr("203.0.113.7").udp(53)}})
}

func TestARouteToAnInterface(t *testing.T) {
	v := world("web egress all to 0.0.0.0/0\n db ingress tcp 80 from web\n db ingress tcp 81 from 10.0.1.0/24\n router ingress all from web\n router egress all to 0.0.0.0/0")
	lead(v, "subnet-open", "10.0.2.0/24", policy.NetworkInterface, router.num)
	lead(v, "subnet-open", "203.0.113.0/25", policy.NetworkInterface, db1.num)
	lead(v, "subnet-open", "203.0.113.128/25", policy.NetworkInterface, 4711)
	judge(t, v, []row{
		{"a more specific route than the local one", "allowed at router", from(web1).to(db1).tcp(80)},
		{"which leads nowhere from the interface itself", "no-destination at router", from(router).to(db1).tcp(80)},
		{"an interface that forwards nothing", "no-forwarding at db1", from(web1).toAddr("203.0.113.7").tcp(80)},
		{"one that is not there", "no-destination at web1", from(web1).toAddr("203.0.113.200").tcp(80)},
	})
	got := policy.Evaluate(v, web1.num, from(web1).to(db1).tcp(80).packet)
	if got.To != router.num || got.Packet.Dst != db1.addr || got.Packet.Src != web1.addr {
		t.Errorf("delivered %s", got)
	}
	for n := range v.Subnets { // the router goes on from a subnet of its own
		if v.Subnets[n].ID == "subnet-closed" {
			for i := range v.Interfaces {
				if v.Interfaces[i].Num == router.num {
					v.Interfaces[i].Subnet = "subnet-closed"
				}
			}
		}
	}
	judge(t, v, []row{
		{"a rule that names web's group does not mean what another forwards", "no-ingress-rule at db1", from(router).as("10.0.1.10").to(db1).tcp(80)},
		{"one that names its addresses does", "allowed at db1", from(router).as("10.0.1.10").to(db1).tcp(81)},
	})
}

// The sender's rules, too, mean by a group who gets the packet, and not who forwards it.
func TestEgressThroughAnInterfaceIsToNoGroup(t *testing.T) {
	v := world("web egress all to db\n router ingress all from web")
	judge(t, v, []row{{"straight", "no-ingress-rule at db1", from(web1).to(db1).tcp(80)}})
	lead(v, "subnet-open", "10.0.2.0/24", policy.NetworkInterface, router.num)
	judge(t, v, []row{{"through the router", "no-egress-rule at web1", from(web1).to(db1).tcp(80)}})
}

func TestOnlyTheOwnAddressLeavesByTheInternetGateway(t *testing.T) {
	v := world("router egress all to 0.0.0.0/0")
	for n := range v.Interfaces {
		if v.Interfaces[n].Num == router.num {
			v.Interfaces[n].Public = addr("198.18.0.77")
		}
	}
	judge(t, v, []row{
		{"its own", "allowed at router", from(router).to(host).udp(53)},
		{"another's", "no-public-address at router", from(router).as("10.0.2.10").to(host).udp(53)},
	})
}

// Rules for everywhere, both ways, make no connection untracked that goes on through a gateway of these.
func TestWhatGoesThroughAGatewayIsTracked(t *testing.T) {
	all := "web egress all to 0.0.0.0/0\n web ingress all from 0.0.0.0/0"
	begins := from(web1).toAddr("203.0.113.7").udp(53)
	for _, target := range []policy.Target{policy.NATGateway, policy.NetworkInterface} {
		v := world(all)
		for n := range v.Interfaces {
			if v.Interfaces[n].Num == router.num {
				v.Interfaces[n].Open, v.Interfaces[n].Groups = true, nil
			}
		}
		lead(v, "subnet-open", "203.0.113.0/24", target, router.num)
		reply, want := begins.back(router), "no-ingress-rule at web1"
		if target == policy.NATGateway {
			want = "established at web1"
		}
		var tracker policy.Tracker
		tell(t, &tracker, v, step{0, "allowed at router", begins})
		for n := range v.Groups {
			v.Groups[n].Ingress = nil
		}
		tell(t, &tracker, v, step{0, want, reply})
	}
}

func TestNothingNewComesInByAnEgressOnlyGateway(t *testing.T) {
	v := world("web egress all to 0.0.0.0/0\n web ingress all from 0.0.0.0/0")
	for n := range v.Subnets {
		if v.Subnets[n].ID == "subnet-open" {
			v.Subnets[n].Routes = nil
		}
	}
	lead(v, "subnet-open", "0.0.0.0/0", policy.EgressOnly, 0)
	out := from(web1).to(host).udp(53)
	in := from(host).toPublic(web1).udp(40000)
	in.packet.SrcPort = 53
	story(t, v,
		step{0, "no-route at web1", in},
		step{0, "allowed at web1", out},
		step{0, "established at web1", in},
		step{31, "no-route at web1", in},
	)
}
