package lab

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/aws-http-auth/credentials"
	"github.com/aws/smithy-go/aws-http-auth/sigv4"

	"crenel/ec2"
	"crenel/flow"
	"crenel/vpc"
)

// Wire plays scenarios on a machine where `crenel up` runs: real requests, real instances, real packets.
type Wire struct {
	Endpoint, Region string
	Key              vpc.AccessKey
	Crenel           string // the program
	Dir              string // the data directory
	Probe            string // the program, at a path that instances see too
}

const (
	patience = 10 * time.Second       // for what should happen
	silence  = 800 * time.Millisecond // without an answer: counts as a drop
)

// errNotEnforced is the answer to a change that the host did not put in force in time.
var errNotEnforced = errors.New("not enforced")

func (w *Wire) call(action string, form url.Values, out any) error {
	form.Set("Action", action)
	form.Set("Version", "2016-11-15")
	body := form.Encode()
	req, err := http.NewRequest(http.MethodPost, w.Endpoint, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	hash := sha256.Sum256([]byte(body))
	err = sigv4.New().SignRequest(&sigv4.SignRequestInput{Request: req, PayloadHash: hash[:], Service: "ec2", Region: w.Region, Time: time.Now(),
		Credentials: credentials.Credentials{AccessKeyID: w.Key.ID, SecretAccessKey: w.Key.Secret}})
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		var e struct {
			Code    string `xml:"Errors>Error>Code"`
			Message string `xml:"Errors>Error>Message"`
		}
		if err := xml.Unmarshal(answer, &e); err != nil {
			return fmt.Errorf("%s: %s: %w", action, res.Status, err)
		}
		return vpc.Errorf(e.Code, "%s", e.Message)
	}
	if enforced := res.Header.Get("x-crenel-enforced"); enforced == "false" {
		return fmt.Errorf("%s: %w", action, errNotEnforced)
	}
	return xml.Unmarshal(answer, out)
}

func (w *Wire) settle(instance, state string) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		var out ec2.DescribeInstancesOutput
		if err := w.call("DescribeInstances", url.Values{"InstanceId.1": {instance}}, &out); err != nil {
			return err
		}
		i := out.Reservations[0].Instances[0]
		got := i.State.Name
		if got == state && (state != "running" || w.listening(instance)) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is %s, not %s", instance, got, state)
		}
		time.Sleep(20 * time.Millisecond) // the API has no way to wait, as AWS's has none
	}
}

// listening tells whether the instance's probe says that it is.
func (w *Wire) listening(instance string) bool {
	return w.inside(instance, "test", "-e", "/run/probe-serves").Run() == nil
}

// inside is a command in the instance, or on the host where the instance is "".
func (w *Wire) inside(instance string, command ...string) *exec.Cmd {
	if instance == "" {
		return exec.Command(command[0], command[1:]...)
	}
	return exec.Command(w.Crenel, append([]string{"exec", "--data-dir", w.Dir, instance, "--"}, command...)...)
}

func (w *Wire) try(t trial) (passed bool, reason string, err error) {
	wait := silence
	if t.expect {
		wait = patience
	}
	limit := strconv.FormatFloat(wait.Seconds(), 'f', -1, 64)
	command := []string{w.Probe, t.Protocol, t.to.String(), strconv.Itoa(t.Port), limit}
	if t.Protocol == "icmp" {
		command = []string{"sh", "-c", fmt.Sprintf(
			"out=$(ping -n -c 1 -W %s %s 2>&1); case $?,$out in 0,*) echo pass;; 1,*errors*) echo refused;; 1,*) echo drop;; *) echo \"$out\"; exit 3;; esac", limit, t.to)}
	}
	if t.source.IsValid() { // a forger has the address that it claims
		if out, err := w.inside(t.from, "ip", "address", "replace", netip.PrefixFrom(t.source, t.source.BitLen()).String(), "dev", "eth0", "nodad").CombinedOutput(); err != nil {
			return false, "", fmt.Errorf("%w: %s", err, out)
		}
		command = append(command, t.source.String())
	}
	cmd := w.inside(t.from, command...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return false, "", fmt.Errorf("%w: %s", err, stderr.String())
	}
	switch answer := strings.TrimSpace(string(out)); answer {
	case "pass":
		return true, "", nil
	case "drop":
		return false, "", nil
	default:
		return false, "", fmt.Errorf("answered %q: a drop is silent", answer)
	}
}

func (w *Wire) large(t trial) (bool, error) { return w.answers(t, "large", "pass") }
func (w *Wire) told(t trial) (bool, error)  { return w.answers(t, t.Protocol, "refused") }

// answers tells whether the probe's command ends with the answer.
func (w *Wire) answers(t trial, command, answer string) (bool, error) {
	out, err := w.inside(t.from, w.Probe, command, t.to.String(), strconv.Itoa(t.Port), strconv.FormatFloat(patience.Seconds(), 'f', -1, 64)).Output()
	return strings.TrimSpace(string(out)) == answer, err
}

func (w *Wire) open(t trial) (connection, error) {
	cmd := w.inside(t.from, w.Probe, "hold", t.to.String(), strconv.Itoa(t.Port))
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	heard := make(chan string)
	go func() {
		defer close(heard)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			heard <- lines.Text()
		}
	}()
	hears := func(want string, expect bool) (bool, error) {
		limit := silence
		if expect {
			limit = patience
		}
		select {
		case line, ok := <-heard:
			if !ok || line != want {
				return false, fmt.Errorf("heard %q: the connection was to stay", line)
			}
			return true, nil
		case <-time.After(limit):
			return false, nil
		}
	}
	if up, err := hears("up", true); err != nil || !up {
		return nil, fmt.Errorf("no connection (%w)", err)
	}
	return func(expect bool) (bool, error) {
		if _, err := fmt.Fprintln(in, "talk"); err != nil {
			return false, err
		}
		return hears("talk", expect)
	}, nil
}

// arrives looks at what comes to the receiver's interface, beside its IP stack: nobody need listen there.
func (w *Wire) arrives(s single) (bool, string, error) {
	listener := w.inside(s.at, w.Probe, "frames")
	out, err := listener.StdoutPipe()
	if err != nil {
		return false, "", err
	}
	stop, err := listener.StdinPipe() // frames ends with its input
	if err != nil {
		return false, "", err
	}
	if err := listener.Start(); err != nil {
		return false, "", err
	}
	frames := make(chan string)
	go func() {
		defer close(frames)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			frames <- lines.Text()
		}
	}()
	defer func() {
		stop.Close()
		for range frames { // it must not be kept from ending
		}
		_ = listener.Wait() // it was told to end
	}()
	if first := <-frames; first != "ready" {
		return false, "", fmt.Errorf("no frames can be seen: %q", first)
	}
	ip := flow.Build(s.Packet)[14:] // without its Ethernet header
	if out, err := w.inside(s.from, w.Probe, "raw", hex.EncodeToString(ip)).CombinedOutput(); err != nil {
		return false, "", fmt.Errorf("%w: %s", err, out)
	}
	limit := silence
	if s.expect {
		limit = patience
	}
	for over := time.After(limit); ; {
		select {
		case line, ok := <-frames:
			if !ok {
				return false, "", errors.New("no more frames can be seen")
			}
			frame, err := hex.DecodeString(line)
			if err != nil {
				return false, "", err
			}
			if p, err := flow.Parse(frame); err == nil && s.is(p) {
				return true, "", nil
			}
		case <-over:
			return false, "", nil
		}
	}
}

// wait lets the time of the kernel pass, by which connections expire: what is shown is that nothing happens.
func (w *Wire) wait(seconds int) { time.Sleep(time.Duration(seconds) * time.Second) }

func (w *Wire) quota(name, value string) error {
	if out, err := exec.Command(w.Crenel, "quota", "set", "--data-dir", w.Dir, name, value).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// Ready waits until the endpoint answers.
func (w *Wire) Ready(ctx context.Context) error {
	for {
		err := w.call("DescribeRegions", url.Values{}, &ec2.DescribeRegionsOutput{})
		if err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // nothing to wait on: another process
	}
}
