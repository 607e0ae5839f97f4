package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"crenel/ec2"
	"crenel/vpc"
)

const quotaTarget = "ServiceQuotasV20190624."

// serveQuotas answers the operations of Service Quotas from the quotas that EC2's operations keep.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_Operations.html
func (s *Server) serveQuotas(c *call, target string, body []byte, out *bytes.Buffer) error {
	name, ok := strings.CutPrefix(target, quotaTarget)
	operation := quotaOperations[name]
	if !ok || operation == nil {
		return ec2.Errorf("UnknownOperationException", "There is no operation %s of Service Quotas here.", shown(target))
	}
	c.action = name
	if err := c.may("servicequotas:" + name); err != nil {
		return err
	}
	var in quotaInput
	if err := json.Unmarshal(body, &in); err != nil {
		return ec2.Errorf("SerializationException", "The request is no JSON object with the members of %s.", name)
	}
	answer, err := operation(s.Store.Snapshot().As(c.scope), in)
	if err != nil {
		return err
	}
	return writeJSON(out, answer)
}

// quotaOperations are those that are answered. The defaults are those of no account.
var quotaOperations = map[string]func(*vpc.State, quotaInput) (any, error){
	"GetServiceQuota":             func(s *vpc.State, in quotaInput) (any, error) { return getQuota(s, in, applied) },
	"GetAWSDefaultServiceQuota":   func(s *vpc.State, in quotaInput) (any, error) { return getQuota(s, in, byDefault) },
	"ListServiceQuotas":           func(s *vpc.State, in quotaInput) (any, error) { return listQuotas(s, in, applied) },
	"ListAWSDefaultServiceQuotas": func(s *vpc.State, in quotaInput) (any, error) { return listQuotas(s, in, byDefault) },
}

// A quotaInput is that of all of them.
type quotaInput struct {
	ServiceCode, QuotaCode, NextToken string
	MaxResults                        *int
	QuotaAppliedAtLevel               string
	ContextId                         string
}

// A serviceQuota is a quota as Service Quotas shows it.
// https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ServiceQuota.html
type serviceQuota struct {
	ServiceCode, ServiceName, QuotaArn, QuotaCode, QuotaName string
	Value                                                    double
	Unit                                                     string
	Adjustable, GlobalQuota                                  bool
	QuotaAppliedAtLevel                                      string
}

// A double is a number that shows in JSON that it need not be whole, as AWS's do: the AWS CLI repeats it as it is written.
type double int

func (d double) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%d.0", int(d)), nil }

var serviceNames = map[string]string{
	"vpc": "Amazon Virtual Private Cloud (Amazon VPC)",
	"ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
}

func applied(s *vpc.State, l vpc.Limit) serviceQuota {
	return shownQuota(s.Scope, l, s.Limit(l))
}

func byDefault(s *vpc.State, l vpc.Limit) serviceQuota {
	return shownQuota(vpc.Scope{Region: s.Region}, l, l.Default)
}

func shownQuota(scope vpc.Scope, l vpc.Limit, value int) serviceQuota {
	return serviceQuota{ServiceCode: l.Service, ServiceName: serviceNames[l.Service], QuotaCode: l.Code, QuotaName: l.Name, Value: double(value), Unit: "None",
		QuotaArn:   "arn:aws:servicequotas:" + scope.Region + ":" + scope.Account + ":" + l.Service + "/" + l.Code,
		Adjustable: true, QuotaAppliedAtLevel: "ACCOUNT"}
}

func getQuota(s *vpc.State, in quotaInput, show func(*vpc.State, vpc.Limit) serviceQuota) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.QuotaCode == "" {
		return nil, notNull("quotaCode")
	}
	for _, l := range vpc.Limits {
		if l.Code == in.QuotaCode && l.Service == in.ServiceCode {
			return struct{ Quota serviceQuota }{show(s, l)}, nil
		}
	}
	return nil, noSuchQuota()
}

func listQuotas(s *vpc.State, in quotaInput, show func(*vpc.State, vpc.Limit) serviceQuota) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	out := struct {
		Quotas    []serviceQuota
		NextToken string `json:",omitempty"`
	}{Quotas: []serviceQuota{}}
	for _, l := range vpc.Limits {
		if l.Service == in.ServiceCode && l.Code != "" && (in.QuotaCode == "" || l.Code == in.QuotaCode) {
			out.Quotas = append(out.Quotas, show(s, l))
		}
	}
	from := 0
	if in.NextToken != "" {
		text, err := base64.RawURLEncoding.DecodeString(in.NextToken)
		at, isNumber := strings.CutPrefix(string(text), in.ServiceCode+"/")
		if from, _ = strconv.Atoi(at); err != nil || !isNumber || from < 1 || from >= len(out.Quotas) {
			return nil, ec2.Errorf("InvalidPaginationTokenException", "Invalid input was provided.")
		}
	}
	out.Quotas = out.Quotas[from:]
	if in.MaxResults != nil && *in.MaxResults < len(out.Quotas) {
		out.Quotas = out.Quotas[:*in.MaxResults]
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(in.ServiceCode + "/" + strconv.Itoa(from+*in.MaxResults)))
	}
	return out, nil
}

// check refuses what AWS's would.
func (in quotaInput) check() error {
	switch {
	case in.ServiceCode == "":
		return notNull("serviceCode")
	case serviceNames[in.ServiceCode] == "":
		return noSuchQuota()
	case in.MaxResults != nil && (*in.MaxResults < 1 || *in.MaxResults > 100):
		return ec2.Errorf("IllegalArgumentException", "MaxResults is %d; it may be from 1 to 100.", *in.MaxResults)
	case in.QuotaAppliedAtLevel == "RESOURCE" || in.ContextId != "":
		return ec2.Errorf("IllegalArgumentException", "No quota here applies to a resource; they are the account's.")
	}
	return nil
}

func notNull(member string) error {
	return ec2.Errorf("IllegalArgumentException", "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

func noSuchQuota() error {
	return ec2.Errorf("NoSuchResourceException", "The request failed because the specified service or quota does not exist.")
}
