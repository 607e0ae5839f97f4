package policy_test

import (
	"fmt"
	"testing"

	"crenel/flow"
	"crenel/policy"
)

// piece is a piece of the shot: only a first one says more than addresses and protocol.
func (s shot) piece(id uint32, offset int, more bool) shot {
	s.packet.Fragment = flow.Fragment{ID: id, Offset: offset, More: more}
	if offset > 0 {
		s.packet.SrcPort, s.packet.DstPort, s.packet.TCPFlags, s.packet.ICMPType, s.packet.ICMPCode = 0, 0, 0, 0, 0
	}
	return s
}

func TestPiecesFollowTheFirst(t *testing.T) {
	for _, s := range []shot{syn, query, request, gre} {
		story(t, world(oneWay),
			step{0, "fragment at web1", s.piece(9, 1480, true)},
			step{0, "allowed at db1", s.piece(9, 0, true)},
			step{0, "established at db1", s.piece(9, 1480, true)},
			step{0, "established at db1", s.piece(9, 2960, false)},
			step{0, "fragment at web1", s.piece(10, 1480, true)},
		)
	}
}

func TestPiecesOfWhatIsRefusedAreToo(t *testing.T) {
	story(t, world(oneWay),
		step{0, "no-egress-rule at web1", from(web1).to(db1).udp(54).piece(9, 0, true)},
		step{0, "fragment at web1", from(web1).to(db1).udp(54).piece(9, 1480, false)},
	)
	// Out of web1, not into db1: nothing follows.
	story(t, world("web egress udp 53 to db"),
		step{0, "no-ingress-rule at db1", query.piece(9, 0, true)},
		step{0, "fragment at web1", query.piece(9, 1480, false)},
	)
}

func TestPiecesBelongToOneSender(t *testing.T) {
	story(t, world(oneWay+"web egress udp 53 to web\n web ingress udp 53 from web"),
		step{0, "allowed at db1", query.piece(9, 0, true)},
		step{0, "fragment at web2", from(web2).to(db1).udp(53).piece(9, 1480, true)},
		step{0, "fragment at web1", from(web1).to(web2).udp(53).piece(9, 1480, true)},
		step{0, "fragment at web1", gre.piece(9, 1480, true)},
		step{0, "established at db1", query.piece(9, 1480, true)},
	)
}

func TestPiecesAreForgotten(t *testing.T) {
	later := query.piece(9, 1480, true)
	story(t, world(oneWay),
		step{0, "allowed at db1", query.piece(9, 0, true)},
		step{30, "established at db1", later},
		step{31, "fragment at web1", later},
	)
	story(t, world(oneWay), // another packet takes the place
		step{0, "allowed at db1", query.piece(9, 0, true)},
		step{0, "established at db1", query.piece(9+64, 0, true)},
		step{0, "fragment at web1", later},
	)
}

// What is untracked, and what an ACL stops, is so piece by piece.
func TestPiecesAreJudgedLikeTheFirst(t *testing.T) {
	const open = "web egress udp 53 to db\n db ingress udp 53 from 0.0.0.0/0\n db egress all to 0.0.0.0/0"
	v := world(open)
	story(t, v,
		step{0, "allowed at db1", query.piece(9, 0, true)},
		step{0, "allowed at db1", query.piece(9, 1480, true)},
		step{0, "established at web1", query.back(db1).piece(9, 0, true)},
		step{0, "established at web1", query.back(db1).piece(9, 1480, true)},
	)
	story(t, withACL(world(open), "subnet-closed", "in 100 allow tcp 22 0.0.0.0/0", "out 100 allow all 0.0.0.0/0"),
		step{0, "acl-ingress at db1", query.piece(9, 0, true)},
		step{0, "fragment at web1", query.piece(9, 1480, true)},
	)
}

// Whoever sends many pieces from outside takes nobody's place but that of the few that its address is remembered with.
func TestPiecesFromOutsideTakeFewPlacesOfOthers(t *testing.T) {
	query := func(a string) shot { return from(host).toPublic(web1).as(a).udp(53) }
	flood := func(tracker *policy.Tracker, v *policy.View) {
		for id := range uint32(1000) {
			s := query("203.0.113.1").piece(id, 0, true)
			tracker.Judge(v, 0, 0, s.packet)
		}
	}
	v, lost := world("web ingress udp 53 from 0.0.0.0/0"), 0
	for n := range 250 {
		s := query(fmt.Sprintf("203.0.113.%d", n+2))
		tracker := policy.Tracker{}
		tell(t, &tracker, v, step{0, "allowed at web1", s.piece(9, 0, true)})
		flood(&tracker, v)
		if tracker.Judge(v, 0, 0, s.piece(9, 1480, false).packet).Reason == policy.Fragment {
			lost++
		}
	}
	if lost > 5 {
		t.Errorf("one address outside made %d of 250 others lose their pieces", lost)
	}
	// Of its own it has as many as an interface.
	story(t, v,
		step{0, "allowed at web1", query("203.0.113.1").piece(9, 0, true)},
		step{0, "established at web1", query("203.0.113.1").piece(10, 0, true)},
		step{0, "established at web1", query("203.0.113.1").piece(9, 1480, false)},
		step{0, "established at web1", query("203.0.113.1").piece(9+64, 0, true)},
		step{0, "fragment at host", query("203.0.113.1").piece(9, 1480, false)},
	)
}
