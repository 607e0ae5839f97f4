package api

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"crenel/ec2"
	"crenel/vpc"
)

// Keys made with ssh-keygen and openssl; the fingerprints are what the commands of AWS's guide print.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html
const (
	testRSA     = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCoIHRbVFFlcXTdEseI+HUGejlY7V/mxDJ7ETdKFuGUG2+Bao7U/5m29KWd54lD2q1eaLuj/s62cLIk+qAx5Xyyyjl5TjLXetBuAWRuYYnc+DkF+k0Rwotmj3ucDNYar7RYWrxDHPuRC9+eKS34K4yhvHkmGhYXWkpF5z50xZU4cQ=="
	testRSAMD5  = "df:fa:2c:1a:21:41:b7:d0:fd:25:54:23:b4:a4:42:14"
	testED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE2RROYgGPSwCrN1rjIZASbUHFidJ8vpBeTiknLlr5LY"
	testEDSHA   = "ycld77uDoTK3PB7rdCYpIIxt20gyuBWii9CeolgZ5Zc="

	testRSAPKIX = `MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCoIHRbVFFlcXTdEseI+HUGejlY
7V/mxDJ7ETdKFuGUG2+Bao7U/5m29KWd54lD2q1eaLuj/s62cLIk+qAx5Xyyyjl5
TjLXetBuAWRuYYnc+DkF+k0Rwotmj3ucDNYar7RYWrxDHPuRC9+eKS34K4yhvHkm
GhYXWkpF5z50xZU4cQIDAQAB`
)

func material(key string) string {
	return "&PublicKeyMaterial=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(key)))
}

func TestKeyPairsAreImportedWithAWSsFingerprints(t *testing.T) {
	w := newWorld(t)
	pkix := strings.Join(strings.Split(testRSAPKIX, "\n"), "")
	for _, c := range []struct{ name, key, kind, fingerprint string }{
		{"rsa", testRSA + " me@example", "rsa", testRSAMD5},
		{"rsa without a comment", testRSA, "rsa", testRSAMD5},
		{"ed25519", testED25519, "ed25519", testEDSHA},
		{"rfc4716", "---- BEGIN SSH2 PUBLIC KEY ----\nComment: \"a \\\nb\"\n" + strings.Fields(testRSA)[1] + "\n---- END SSH2 PUBLIC KEY ----\n", "rsa", testRSAMD5},
		{"der", pkix, "rsa", testRSAMD5},
		{"pem", "-----BEGIN PUBLIC KEY-----\n" + testRSAPKIX + "\n-----END PUBLIC KEY-----\n", "rsa", testRSAMD5},
	} {
		out := do[ec2.ImportKeyPairOutput](w, "ImportKeyPair", "KeyName="+url.QueryEscape(c.name)+material(c.key))
		shown := do[ec2.DescribeKeyPairsOutput](w, "DescribeKeyPairs", "IncludePublicKey=true&KeyPairId.1="+*out.KeyPairId).KeyPairs[0]
		if *out.KeyFingerprint != c.fingerprint || shown.KeyType != c.kind || *shown.KeyName != c.name || !strings.HasPrefix(*shown.PublicKey, "ssh-"+c.kind+" AAAA") {
			t.Errorf("%s: got %s %s %s", c.name, *out.KeyFingerprint, shown.KeyType, *shown.PublicKey)
		}
	}
	for _, bad := range []string{"hello", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa " + strings.Fields(testED25519)[1], "ssh-dss AAAAB3NzaC1kc3MAAAAA", "---- BEGIN SSH2 PUBLIC KEY ----\nAAAA"} {
		w.refuse("ImportKeyPair", "KeyName=bad"+material(bad), "InvalidKey.Format: Key is not in valid OpenSSH public key format")
	}
	w.refuse("ImportKeyPair", "KeyName=long"+material(testRSA+" "+strings.Repeat("x", 2048)), "InvalidParameterValue: Value for parameter PublicKeyMaterial is invalid. Length exceeds maximum of 2048.")
	many := do[ec2.DescribeKeyPairsOutput](w, "DescribeKeyPairs", "KeyName.1=pem&KeyName.2=der&KeyName.3=pem").KeyPairs
	if len(many) != 2 {
		t.Errorf("a name that is asked for twice is answered: %d key pairs", len(many))
	}
}

func TestKeyPairsAreMadeSoThatOpenSSHReadsThem(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ kind, header string }{{"rsa", "RSA PRIVATE KEY"}, {"ed25519", "OPENSSH PRIVATE KEY"}} {
		out := do[ec2.CreateKeyPairOutput](w, "CreateKeyPair", "KeyName="+c.kind+"&KeyType="+c.kind)
		block, rest := pem.Decode([]byte(*out.KeyMaterial))
		if block == nil || block.Type != c.header || len(rest) != 0 {
			t.Errorf("%s: the private key is\n%s", c.kind, *out.KeyMaterial)
		}
		shown := do[ec2.DescribeKeyPairsOutput](w, "DescribeKeyPairs", "IncludePublicKey=true&KeyName.1="+c.kind).KeyPairs[0]
		if *shown.KeyFingerprint != *out.KeyFingerprint || strings.Contains(*shown.PublicKey, "PRIVATE") {
			t.Errorf("%s: %+v", c.kind, shown)
		}
		tool, err := exec.LookPath("ssh-keygen")
		if err != nil {
			continue // the form is checked above; only OpenSSH's own opinion is missing
		}
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(*out.KeyMaterial), 0o600); err != nil {
			t.Fatal(err)
		}
		public, err := exec.Command(tool, "-y", "-f", file).CombinedOutput()
		if err != nil || !strings.HasPrefix(string(public), strings.Join(strings.Fields(*shown.PublicKey)[:2], " ")) {
			t.Errorf("ssh-keygen says %s %v, want %s", public, err, *shown.PublicKey)
		}
	}
	if n := strings.Count(*do[ec2.CreateKeyPairOutput](w, "CreateKeyPair", "KeyName=default").KeyFingerprint, ":"); n != 19 {
		t.Errorf("the fingerprint of a new RSA key has %d colons, want those of a SHA-1", n)
	}
}

func TestKeyPairsAreFoundAndDeleted(t *testing.T) {
	w := newWorld(t)
	a := do[ec2.ImportKeyPairOutput](w, "ImportKeyPair", "KeyName=a"+material(testED25519)+"&TagSpecification.1.ResourceType=key-pair&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x")
	b := do[ec2.ImportKeyPairOutput](w, "ImportKeyPair", "KeyName=b"+material(testRSA))
	for _, c := range []struct{ form, want string }{
		{"", "a b"},
		{"KeyName.1=a", "a"},
		{"KeyPairId.1=" + *b.KeyPairId, "b"},
		{"Filter.1.Name=tag:Name&Filter.1.Value.1=x", "a"},
		{"Filter.1.Name=fingerprint&Filter.1.Value.1=" + url.QueryEscape(*b.KeyFingerprint), "b"},
		{"Filter.1.Name=key-name&Filter.1.Value.1=nobody", ""},
		{"Filter.1.Name=key-pair-id&Filter.1.Value.1=" + *a.KeyPairId, "a"},
	} {
		var got []string
		for _, k := range do[ec2.DescribeKeyPairsOutput](w, "DescribeKeyPairs", c.form).KeyPairs {
			got = append(got, *k.KeyName)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.form, got, c.want)
		}
	}
	for _, c := range []struct{ action, form, want string }{
		{"CreateKeyPair", "KeyName=a", "InvalidKeyPair.Duplicate: The keypair 'a' already exists."},
		{"ImportKeyPair", "KeyName=a" + material(testRSA), "InvalidKeyPair.Duplicate: The keypair 'a' already exists."},
		{"CreateKeyPair", "", "MissingParameter: The request must contain the parameter KeyName"},
		{"CreateKeyPair", "KeyName=c&KeyType=dsa", "InvalidParameterValue: Invalid value 'dsa' for KeyType."},
		{"CreateKeyPair", "KeyName=c&KeyFormat=ppk", "UnsupportedOperation: The key format ppk is not supported."},
		{"CreateKeyPair", "KeyName=+c", "InvalidParameterValue: Value ( c) for parameter KeyName is invalid. Names must be up to 255 ASCII characters without leading or trailing spaces."},
		{"DescribeKeyPairs", "KeyName.1=nobody", "InvalidKeyPair.NotFound: The key pair 'nobody' does not exist"},
		{"DescribeKeyPairs", "KeyName.1=nobody&KeyName.2=a&KeyName.3=none", "InvalidKeyPair.NotFound: The key pairs 'nobody, none' do not exist"},
		{"DescribeKeyPairs", "KeyPairId.1=key-0123456789abcdef0", "InvalidKeyPair.NotFound: The key pair ID 'key-0123456789abcdef0' does not exist"},
		{"DeleteKeyPair", "", "MissingParameter: The request must contain the parameter KeyName"},
	} {
		w.refuse(c.action, c.form, c.want)
	}
	if out := do[ec2.DeleteKeyPairOutput](w, "DeleteKeyPair", "KeyName=a"); *out.KeyPairId != *a.KeyPairId || !*out.Return {
		t.Errorf("got %+v", out)
	}
	if out := do[ec2.DeleteKeyPairOutput](w, "DeleteKeyPair", "KeyName=a"); out.KeyPairId != nil || !*out.Return {
		t.Errorf("got %+v", out)
	}
	do[ec2.DeleteKeyPairOutput](w, "DeleteKeyPair", "KeyPairId="+*b.KeyPairId)
	if n := w.state.KeyPairs.Len(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

func FuzzParsePublicKey(f *testing.F) {
	for _, seed := range []string{testRSA, testED25519, testRSAPKIX, "-----BEGIN PUBLIC KEY-----\n" + testRSAPKIX + "\n-----END PUBLIC KEY-----", "---- BEGIN SSH2 PUBLIC KEY ----\nComment: a\nAAAA\n---- END SSH2 PUBLIC KEY ----"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, comment, ok := parsePublicKey(text)
		if !ok {
			return
		}
		k := newKey{&vpc.KeyPair{}}
		k.keep(key, comment)
		again, _, ok := parsePublicKey([]byte(k.PublicKey))
		if !ok || string(sshKey(again)) != string(sshKey(key)) {
			t.Errorf("%q is kept as %q", text, k.PublicKey)
		}
	})
}

// A key takes long to make: it is made before the Edit, once for all runs of the operation, and not for a request that
// gets none.
func TestAKeyIsMadeBeforeTheEdit(t *testing.T) {
	w := newWorld(t)
	o, _ := Lookup("CreateKeyPair")
	in, err := o.Decode(parseForm("KeyName=k"))
	if err != nil || !o.Prepares() {
		t.Fatal(err)
	}
	ready := o.Prepared(in)
	var keys []string
	for range 2 {
		out, err := ready.Apply(w.state.Edit(w.scope, testNow, rand.Reader), in)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, *out.(*ec2.CreateKeyPairOutput).KeyMaterial)
	}
	if keys[0] != keys[1] || !strings.Contains(keys[0], "RSA PRIVATE KEY") {
		t.Errorf("the runs made\n%s\nand\n%s", keys[0], keys[1])
	}
	for _, form := range []string{"KeyName=k&DryRun=true", "KeyName=k&KeyFormat=ppk", "KeyName=k&KeyType=dsa"} {
		in, err := o.Decode(parseForm(form))
		if err != nil {
			t.Fatal(err)
		}
		if key := makeKey(in.(*ec2.CreateKeyPairInput)); key != nil {
			t.Errorf("%s makes a key", form)
		}
	}
	w.refuse("CreateKeyPair", "KeyName=k&DryRun=true", "DryRunOperation: Request would have succeeded, but DryRun flag is set.")
}
