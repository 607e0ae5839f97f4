package datapath

// AdoptionWindow is for how many seconds an interface takes up connections that are under way, from when the programs are
// attached to a link that was up without them. AWS has no such moment: what is chosen here is as long as TCP's retransmissions
// need to find their way back.
const AdoptionWindow = 60

// Adopt is Attach for a link that is up. If it was not attached, nobody knows the connections of what runs there: until
// AdoptionWindow has passed, TCP that is under way and that the rules allow makes an entry without a SYN.
func (d *Datapath) Adopt(eni string, ifindex int) error {
	known := true
	d.pinning.Lock()
	for _, h := range hooks(eni) {
		at, err := attachedTo(d.pin(h.pin))
		known = known && err == nil && at == ifindex
	}
	d.pinning.Unlock()
	if !known {
		now, err := d.now()
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.adopting[uint32(ifindex)] = max(1, now+AdoptionWindow)
		d.mu.Unlock()
	}
	return d.Attach(eni, ifindex)
}
