package lab

import (
	"encoding/base64"
	"testing"
)

// One `crenel up` plays every scenario, one after another: each finds what the one before left, and
// must find nothing of it in its way. Those that wait come last, and wait together.
func TestScenariosOnTheWire(t *testing.T) {
	u := start(t, t.TempDir())
	for _, s := range scenarios(t) {
		t.Run(s.Name, func(t *testing.T) {
			if s.Waits() {
				t.Parallel()
			}
			w := u.wire()
			tcp, udp := s.Ports()
			userData := base64.StdEncoding.EncodeToString([]byte(serving(w.Probe, tcp, udp)))
			if err := Play(s, w, userData); err != nil {
				t.Error(err)
			}
		})
	}
}
