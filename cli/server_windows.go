package cli

// On Windows crenel is a client only.
type serverCmd struct{ linuxOnly }
