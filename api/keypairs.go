package api

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

// keyPairOperations keep key pairs: clients make them, and look for the ones that they name at launch.
var keyPairOperations = []Operation{
	prepared(makeKey, createKeyPair),
	write(importKeyPair),
	write(deleteKeyPair),
	read(describeKeyPairs),
}

// makeKey makes the key that the request asks for; nil: it will be refused, or only asks whether it would be.
func makeKey(in *ec2.CreateKeyPairInput) crypto.Signer {
	if value(in.DryRun) || in.KeyFormat != "" && in.KeyFormat != "pem" {
		return nil
	}
	var key crypto.Signer
	var err error
	switch in.KeyType {
	case "", "rsa":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		panic("api: " + err.Error()) // crypto/rand never fails
	}
	return key
}

// createKeyPair keeps the public half of a new key and returns its private one.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html
func createKeyPair(e *vpc.Edit, in *ec2.CreateKeyPairInput, key crypto.Signer) (*ec2.CreateKeyPairOutput, error) {
	k, err := newKeyPair(e, in.KeyName, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	switch in.KeyFormat {
	case "", "pem":
	case "ppk":
		return nil, vpc.Errorf("UnsupportedOperation", "The key format ppk is not supported.")
	default:
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for KeyFormat.", in.KeyFormat)
	}
	if !slices.Contains([]string{"", "rsa", "ed25519"}, in.KeyType) {
		return nil, vpc.Errorf("InvalidParameterValue", "Invalid value '%s' for KeyType.", in.KeyType)
	}
	var material string
	switch key := key.(type) {
	case *rsa.PrivateKey:
		material = k.takeRSA(key)
	case ed25519.PrivateKey:
		material = k.takeED25519(key)
	}
	e.KeyPairs.Put(k.KeyPair)
	return &ec2.CreateKeyPairOutput{KeyName: new(k.Name), KeyPairId: new(k.ID), KeyFingerprint: new(k.Fingerprint),
		KeyMaterial: new(material), Tags: tagSet(k.Tags)}, nil
}

// importKeyPair keeps the public half of a key that the client made.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html
func importKeyPair(e *vpc.Edit, in *ec2.ImportKeyPairInput) (*ec2.ImportKeyPairOutput, error) {
	k, err := newKeyPair(e, in.KeyName, in.TagSpecifications)
	if err != nil {
		return nil, err
	}
	if len(in.PublicKeyMaterial) > maxKeyMaterial {
		return nil, vpc.Errorf("InvalidParameterValue", "Value for parameter PublicKeyMaterial is invalid. Length exceeds maximum of %d.", maxKeyMaterial)
	}
	key, comment, ok := parsePublicKey(in.PublicKeyMaterial)
	if !ok {
		return nil, vpc.Errorf("InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	}
	if rsaKey, ok := key.(*rsa.PublicKey); ok && !validBits(rsaKey) {
		return nil, vpc.Errorf("InvalidKey.Format", "Key is not in valid OpenSSH public key format. The length of an RSA key must be 1024, 2048 or 4096 bits.")
	}
	k.keep(key, comment)
	e.KeyPairs.Put(k.KeyPair)
	return &ec2.ImportKeyPairOutput{KeyName: new(k.Name), KeyPairId: new(k.ID), KeyFingerprint: new(k.Fingerprint), Tags: tagSet(k.Tags)}, nil
}

const (
	maxKeyMaterial = 2048 // bytes
	maxKeyPairs    = 5000 // of an account in a Region
)

func validBits(k *rsa.PublicKey) bool { n := k.N.BitLen(); return n == 1024 || n == 2048 || n == 4096 }

// deleteKeyPair forgets a key pair; AWS does not mind if there is none.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html
func deleteKeyPair(e *vpc.Edit, in *ec2.DeleteKeyPairInput) (*ec2.DeleteKeyPairOutput, error) {
	var k *vpc.KeyPair
	switch {
	case value(in.KeyPairId) != "":
		if err := keyPairIDs.check(*in.KeyPairId); err != nil {
			return nil, err
		}
		k = keyPairIDs.get(e.State, *in.KeyPairId)
	case value(in.KeyName) != "":
		k = keyPairByName(e.State, *in.KeyName)
	default:
		return nil, missing("KeyName")
	}
	out := &ec2.DeleteKeyPairOutput{Return: new(true)}
	if k != nil {
		e.KeyPairs.Delete(k.ID)
		out.KeyPairId = new(k.ID)
	}
	return out, nil
}

// describeKeyPairs lists key pairs.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html
func describeKeyPairs(s *vpc.State, in *ec2.DescribeKeyPairsInput) (*ec2.DescribeKeyPairsOutput, error) {
	pairs, err := keyPairsAsked(s, in)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(pairs, func(a, b *vpc.KeyPair) int { return strings.Compare(a.Name, b.Name) })
	var all []ec2.KeyPairInfo
	for _, k := range pairs {
		all = append(all, describeKeyPair(k, value(in.IncludePublicKey)))
	}
	page, _, err := keyPairListing.page(s, in, false, all)
	if err != nil {
		return nil, err
	}
	return &ec2.DescribeKeyPairsOutput{KeyPairs: page}, nil
}

// keyPairsAsked finds those that the request names or, where it names none, all.
func keyPairsAsked(s *vpc.State, in *ec2.DescribeKeyPairsInput) ([]*vpc.KeyPair, error) {
	if len(in.KeyNames) == 0 {
		return keyPairIDs.all(s, in.KeyPairIds)
	}
	var found []*vpc.KeyPair
	if len(in.KeyPairIds) > 0 {
		var err error
		if found, err = keyPairIDs.all(s, in.KeyPairIds); err != nil {
			return nil, err
		}
	}
	var unknown []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(in.KeyNames))) {
		if k := keyPairByName(s, name); k == nil {
			unknown = append(unknown, name)
		} else {
			found = append(found, k)
		}
	}
	switch len(unknown) {
	case 0:
		return found, nil
	case 1:
		return nil, noKeyPair(unknown[0])
	}
	return nil, vpc.Errorf("InvalidKeyPair.NotFound", "The key pairs '%s' do not exist", strings.Join(unknown, ", "))
}

func describeKeyPair(k *vpc.KeyPair, withKey bool) ec2.KeyPairInfo {
	out := ec2.KeyPairInfo{KeyName: new(k.Name), KeyPairId: new(k.ID), KeyType: k.Type, KeyFingerprint: new(k.Fingerprint),
		CreateTime: new(k.Created), Tags: tagSet(k.Tags)}
	if withKey {
		out.PublicKey = new(k.PublicKey)
	}
	return out
}

var keyPairListing = listing[ec2.KeyPairInfo]{
	key: func(k *ec2.KeyPairInfo) string { return *k.KeyName },
	filters: filters[ec2.KeyPairInfo]{
		"fingerprint": func(k *ec2.KeyPairInfo) []string { return of(k.KeyFingerprint) },
		"key-name":    func(k *ec2.KeyPairInfo) []string { return of(k.KeyName) },
		"key-pair-id": func(k *ec2.KeyPairInfo) []string { return of(k.KeyPairId) },
	}.tagged(func(k *ec2.KeyPairInfo) []ec2.Tag { return k.Tags }),
}

func keyPairByName(s *vpc.State, name string) *vpc.KeyPair {
	return s.KeyPairs.First("name", s.Key()+"/"+name)
}

func noKeyPair(name string) error {
	return vpc.Errorf("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", name)
}

// A newKey is a key pair that a request makes.
type newKey struct{ *vpc.KeyPair }

func newKeyPair(e *vpc.Edit, name *string, specs []ec2.TagSpecification) (newKey, error) {
	wanted := value(name)
	if len(wanted) > 255 || strings.TrimSpace(wanted) != wanted || strings.Trim(wanted, printable) != "" {
		return newKey{}, invalid("KeyName", wanted, "Names must be up to 255 ASCII characters without leading or trailing spaces.")
	}
	if keyPairByName(e.State, wanted) != nil {
		return newKey{}, vpc.Errorf("InvalidKeyPair.Duplicate", "The keypair '%s' already exists.", wanted)
	}
	if e.KeyPairs.CountBy("scope", e.Key()) >= maxKeyPairs {
		return newKey{}, vpc.Errorf("ResourceLimitExceeded", "You have reached the limit of %d key pairs.", maxKeyPairs)
	}
	tags, err := createTagsFor(specs, "key-pair")
	if err != nil {
		return newKey{}, err
	}
	return newKey{&vpc.KeyPair{ID: e.NewID("key"), Scope: e.Scope, Name: wanted, Created: e.Now, Tags: tags["key-pair"]}}, nil
}

// printable are the characters of ASCII that can be seen, and the space.
var printable = func() string {
	var b []byte
	for c := byte(' '); c <= '~'; c++ {
		b = append(b, c)
	}
	return string(b)
}()

// takeRSA takes the key as AWS does: in PKCS #1, with the SHA-1 of its PKCS #8 form as fingerprint.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
func (k newKey) takeRSA(key *rsa.PrivateKey) (material string) {
	k.keep(&key.PublicKey, k.Name)
	whole, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic("api: " + err.Error()) // an RSA key always marshals
	}
	sum := sha1.Sum(whole)
	k.Fingerprint = colons(sum[:])
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// takeED25519 takes the key, in OpenSSH's own format, the only one that OpenSSH reads for this type.
// https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
func (k newKey) takeED25519(private ed25519.PrivateKey) (material string) {
	public := private.Public().(ed25519.PublicKey)
	k.keep(public, k.Name)
	check := private[:4] // twice the same number, whichever
	secret := bytes.Join([][]byte{check, check, sshString("ssh-ed25519"), sshString(public), sshString(private), sshString(k.Name)}, nil)
	for i := byte(1); len(secret)%8 != 0; i++ {
		secret = append(secret, i)
	}
	file := bytes.Join([][]byte{[]byte("openssh-key-v1\x00"), sshString("none"), sshString("none"), sshString(""),
		{0, 0, 0, 1}, sshString(sshKey(public)), sshString(secret)}, nil)
	return string(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: file}))
}

// keep sets what is stored of a public key, with the fingerprint of an imported one.
func (k newKey) keep(public any, comment string) {
	wire := sshKey(public)
	switch p := public.(type) {
	case *rsa.PublicKey:
		whole, err := x509.MarshalPKIXPublicKey(p)
		if err != nil {
			panic("api: " + err.Error()) // an RSA key always marshals
		}
		sum := md5.Sum(whole)
		k.Type, k.Fingerprint = "rsa", colons(sum[:])
	case ed25519.PublicKey:
		sum := sha256.Sum256(wire)
		k.Type, k.Fingerprint = "ed25519", base64.StdEncoding.EncodeToString(sum[:])
	}
	k.PublicKey = strings.TrimSpace("ssh-" + k.Type + " " + base64.StdEncoding.EncodeToString(wire) + " " + comment)
}

func colons(sum []byte) string { return strings.ReplaceAll(fmt.Sprintf("% x", sum), " ", ":") }

// sshKey is a public key on SSH's wire (RFC 4253 §6.6, RFC 8709 §4).
func sshKey(public any) []byte {
	switch p := public.(type) {
	case *rsa.PublicKey:
		return bytes.Join([][]byte{sshString("ssh-rsa"), sshNumber(big.NewInt(int64(p.E))), sshNumber(p.N)}, nil)
	case ed25519.PublicKey:
		return append(sshString("ssh-ed25519"), sshString(p)...)
	}
	return nil
}

// sshString is s with its length before it.
func sshString[T ~string | ~[]byte](s T) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

// sshNumber is a positive number as SSH writes it: with a zero before a first bit that is set.
func sshNumber(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return sshString(b)
}

// parsePublicKey reads a public key in one of the forms that AWS takes: a line of OpenSSH's, an
// RFC 4716 file, or the DER of an RSA key in base64 with or without PEM's first and last line.
func parsePublicKey(material []byte) (key any, comment string, ok bool) {
	text := strings.TrimSpace(string(material))
	if strings.HasPrefix(text, "ssh-") {
		fields := strings.Fields(text)
		if len(fields) < 2 {
			return nil, "", false
		}
		wire, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			return nil, "", false
		}
		key, kind := parseSSHKey(wire)
		return key, strings.Join(fields[2:], " "), key != nil && kind == fields[0]
	}
	if inner, found := strings.CutPrefix(text, "---- BEGIN SSH2 PUBLIC KEY ----"); found {
		inner, found = strings.CutSuffix(inner, "---- END SSH2 PUBLIC KEY ----")
		wire, err := base64.StdEncoding.DecodeString(withoutHeaders(inner))
		if !found || err != nil {
			return nil, "", false
		}
		key, _ := parseSSHKey(wire)
		return key, "", key != nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if block, _ := pem.Decode([]byte(text)); block != nil {
		der, err = block.Bytes, nil
	}
	if err != nil {
		return nil, "", false
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	rsaKey, ok := parsed.(*rsa.PublicKey)
	return rsaKey, "", err == nil && ok
}

// withoutHeaders takes the headers, "Comment: …", out of an RFC 4716 file; a line that ends in a
// backslash goes on in the next.
func withoutHeaders(file string) string {
	var body strings.Builder
	header := false
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if header = header || strings.Contains(line, ":"); header {
			header = strings.HasSuffix(line, "\\")
			continue
		}
		body.WriteString(line)
	}
	return body.String()
}

// parseSSHKey reads a public key from SSH's wire; nil where there is none.
func parseSSHKey(wire []byte) (key any, kind string) {
	var parts [][]byte
	for len(wire) > 0 {
		if len(wire) < 4 {
			return nil, ""
		}
		n := binary.BigEndian.Uint32(wire)
		if uint64(len(wire)-4) < uint64(n) || len(parts) == 3 {
			return nil, ""
		}
		parts, wire = append(parts, wire[4:4+n]), wire[4+n:]
	}
	if len(parts) == 0 {
		return nil, ""
	}
	switch kind = string(parts[0]); {
	case kind == "ssh-ed25519" && len(parts) == 2 && len(parts[1]) == ed25519.PublicKeySize:
		return ed25519.PublicKey(parts[1]), kind
	case kind == "ssh-rsa" && len(parts) == 3 && len(parts[1]) <= 4 && len(parts[2]) <= 1025:
		return &rsa.PublicKey{E: int(new(big.Int).SetBytes(parts[1]).Int64()), N: new(big.Int).SetBytes(parts[2])}, kind
	}
	return nil, ""
}
