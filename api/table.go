package api

import (
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"crenel/ec2"
	"crenel/vpc"
)

// operations are all that are built, by name. Each file of nouns declares its own.
var operations = table(groupOperations, referenceOperations, groupVPCOperations,
	vpcOperations, subnetOperations, aclOperations, dhcpOptionsOperations, tagOperations,
	routeTableOperations, gatewayOperations, natGatewayOperations, peeringOperations, prefixListOperations,
	instanceOperations, lifecycleOperations, interfaceOperations, elasticIPOperations, catalogOperations, keyPairOperations, accountOperations,
	flowLogOperations, insightsOperations, accessScopeOperations, launchTemplateOperations, endpointOperations, storageOperations)

// An Operation is one action of the API.
type Operation struct {
	Name  string
	Write bool // it takes an Edit: call Apply; else call Read
	input func() any
	run   func(e *vpc.Edit, s *vpc.State, h Hosts, in any) (any, error)

	prepare func(in any) (run func(*vpc.Edit, any) (any, error)) // nil: nothing takes long
}

// Hosts is what an operation may ask of the machines that run the instances.
type Hosts interface {
	// Console is the last output of the instance's console, and when it was written.
	Console(instanceID string) (output []byte, at time.Time)
}

// Enforced tells whether what the operation changes can be felt: it is false where the change is stored and
// described, and nothing acts on it yet.
func (o Operation) Enforced() bool {
	return !strings.HasPrefix(string(coverage[o.Name].Effect), string(stored("")))
}

// Lookup finds the operation. Where there is none, AWS's answer is InvalidAction.
func Lookup(action string) (Operation, bool) {
	o, ok := operations[action]
	return o, ok
}

// Decode reads the operation's input from the parameters of a request. What is required is there.
func (o Operation) Decode(form url.Values) (any, error) {
	in := o.input()
	if err := ec2.Decode(form, in); err != nil {
		return nil, refusal(err)
	}
	return in, nil
}

// Prepared is the operation with what it needs for the input and what takes too long to be made in an Edit, while
// all other writes wait: a key. An operation that was not prepared makes it then. Once prepared, it is for this input only.
func (o Operation) Prepared(in any) Operation {
	if o.prepare == nil {
		return o
	}
	run := o.prepare(in)
	o.run = func(e *vpc.Edit, _ *vpc.State, _ Hosts, in any) (any, error) { return run(e, in) }
	return o
}

// Prepares tells whether Prepared takes long.
func (o Operation) Prepares() bool { return o.prepare != nil }

// Read answers a question about the State, which the caller has narrowed with As.
func (o Operation) Read(s *vpc.State, in any, h Hosts) (any, error) {
	return dryRun(in)(o.run(nil, s, h, in))
}

// Apply makes the change that in asks for. After an error the Edit is of no more use.
func (o Operation) Apply(e *vpc.Edit, in any) (any, error) {
	out, err := o.run(e, nil, nil, in)
	if err == nil {
		follow(e)
	}
	return dryRun(in)(out, err)
}

// read makes an Operation of a function that asks the State.
func read[In, Out any](f func(*vpc.State, *In) (*Out, error)) Operation {
	return operation[In](false, func(_ *vpc.Edit, s *vpc.State, _ Hosts, in any) (any, error) { return f(s, in.(*In)) })
}

// write makes an Operation of a function that changes the State.
func write[In, Out any](f func(*vpc.Edit, *In) (*Out, error)) Operation {
	return operation[In](true, func(e *vpc.Edit, _ *vpc.State, _ Hosts, in any) (any, error) { return f(e, in.(*In)) })
}

// prepared makes an Operation of a function that changes the State with what prepare made before.
func prepared[In, Out, Made any](prepare func(*In) Made, f func(*vpc.Edit, *In, Made) (*Out, error)) Operation {
	o := write(func(e *vpc.Edit, in *In) (*Out, error) { return f(e, in, prepare(in)) })
	var one sync.Mutex // what takes long leaves the other processors to what does not
	o.prepare = func(in any) func(*vpc.Edit, any) (any, error) {
		one.Lock()
		defer one.Unlock()
		made := prepare(in.(*In))
		return func(e *vpc.Edit, in any) (any, error) { return f(e, in.(*In), made) }
	}
	return o
}

// live makes an Operation of a function that asks the State and the hosts.
func live[In, Out any](f func(Hosts, *vpc.State, *In) (*Out, error)) Operation {
	return operation[In](false, func(_ *vpc.Edit, s *vpc.State, h Hosts, in any) (any, error) { return f(h, s, in.(*In)) })
}

// operation names the Operation after its input's type.
func operation[In any](write bool, run func(*vpc.Edit, *vpc.State, Hosts, any) (any, error)) Operation {
	name := strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input")
	return Operation{Name: name, Write: write, input: func() any { return new(In) }, run: run}
}

func table(parts ...[]Operation) map[string]Operation {
	byName := map[string]Operation{}
	for _, o := range slices.Concat(parts...) {
		if _, ok := byName[o.Name]; ok {
			panic("api: two operations are named " + o.Name)
		}
		byName[o.Name] = o
	}
	return byName
}

// dryRun turns the success of a request that only asked whether it would succeed into AWS's error for that.
func dryRun(in any) func(any, error) (any, error) {
	return func(out any, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		if dry, _ := field(in, "DryRun").(*bool); dry != nil && *dry {
			return nil, vpc.Errorf("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
		}
		return out, nil
	}
}

// field is the value of the input's field, or nil where its operation has no such parameter.
func field(in any, name string) any {
	f := reflect.ValueOf(in).Elem().FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	return f.Interface()
}

// refusal is err, which says what is wrong with a request's parameters, as an error of this package.
func refusal(err error) error {
	var e *ec2.Error
	if errors.As(err, &e) {
		return &vpc.Error{Code: e.Code, Message: e.Message}
	}
	return err
}
