package server

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"crenel/admin"
	"crenel/ec2"
	"crenel/vpc"
)

// by is the request signed with another key.
func (q request) by(key admin.CreateKeyOutput) request {
	q.key = vpc.AccessKey{ID: key.ID, Secret: key.Secret}
	return q
}

// of is a request of another service.
func of(service, body string) request {
	q := post(body)
	q.service = service
	return q
}

// quotas is a request of Service Quotas.
func quotas(target, body string) request {
	q := of("servicequotas", body)
	q.spoil = func(h *http.Request) { h.Header.Set("X-Amz-Target", target) }
	return q
}

// administration is a request of whoever runs the server.
func administration[In any](in In) request {
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	q := of("crenel", string(body))
	q.path = "/crenel/v1/" + admin.NameOf[In]()
	return q
}

// administer is one that must succeed.
func administer[Out, In any](r *rig, in In) (out Out) {
	r.t.Helper()
	a := r.send(administration(in))
	if a.status != http.StatusOK {
		r.t.Fatalf("%+v: %d %s", in, a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (a answer) is(t *testing.T, what string, status int, code, says string) {
	t.Helper()
	if a.status != status || a.code != code || !strings.Contains(a.text, says) {
		t.Errorf("%s: %d %s %q, want %d %s %q", what, a.status, a.code, a.text, status, code, says)
	}
}

const limited = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":["ec2:Describe*","ec2:CreateSecurityGroup","sts:GetCallerIdentity"],"Resource":"*"},
	{"Sid":"Own","Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Owner":"ann"}}},
	{"Effect":"Deny","Action":"ec2:Describe*","Resource":"*","Condition":{"StringNotEquals":{"ec2:Region":"us-east-1"}}}]}`

func TestALimitedKey(t *testing.T) {
	r := start(t)
	ann := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{User: "ann", Policy: limited})
	auditor := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{User: "eve", Policy: `{"Statement":{"Effect":"Allow","Action":"sts:DecodeAuthorizationMessage","Resource":"*"}}`})
	stranger := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{Account: "210987654321"})
	mine := *must[ec2.CreateSecurityGroupOutput](r, "CreateSecurityGroup", url.Values{"GroupName": {"mine"}, "GroupDescription": {"d"},
		"TagSpecification.1.ResourceType": {"security-group"}, "TagSpecification.1.Tag.1.Key": {"Owner"}, "TagSpecification.1.Tag.1.Value": {"ann"}}).GroupId
	yours := *must[ec2.CreateSecurityGroupOutput](r, "CreateSecurityGroup", url.Values{"GroupName": {"yours"}, "GroupDescription": {"d"}}).GroupId
	const user = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: "

	if a := r.send(action("DescribeVpcs", "").by(ann)); a.status != http.StatusOK {
		t.Errorf("what is allowed: %d %s", a.status, a.body)
	}
	abroad := action("DescribeVpcs", "").by(ann)
	abroad.region = "eu-west-1"
	a := r.send(abroad)
	a.is(t, "another Region", 403, "UnauthorizedOperation", "You are not authorized to perform this operation. "+user+"ec2:DescribeVpcs with an explicit deny in an identity-based policy")
	if strings.Contains(a.text, "Encoded") {
		t.Errorf("a Describe call has details: %s", a.text)
	}
	if a := r.send(action("CreateSecurityGroup", "GroupName=x&GroupDescription=d&DryRun=true").by(ann)); a.code != "DryRunOperation" {
		t.Errorf("a dry run of what is allowed: %d %s", a.status, a.body)
	}
	if a := r.send(action("AuthorizeSecurityGroupIngress", "IpProtocol=-1&CidrIp=10.0.0.0/8&GroupId="+mine).by(ann)); a.status != http.StatusOK {
		t.Errorf("by the tag of the resource: %d %s", a.status, a.body)
	}
	revision := r.server.Store.Snapshot().Revision
	for what, form := range map[string]string{
		"a write":           "GroupId=" + yours,
		"a dry run":         "DryRun=true&GroupId=" + yours,
		"a write by name":   "GroupName=yours",
		"what is not there": "GroupId=sg-00000000000000000",
	} {
		a = r.send(action("DeleteSecurityGroup", form).by(ann))
		a.is(t, what, 403, "UnauthorizedOperation", "You are not authorized to perform this operation. "+user+"ec2:DeleteSecurityGroup on resource: arn:aws:ec2:us-east-1:123456789012:security-group/sg-")
		if !strings.Contains(a.text, " because no identity-based policy allows the ec2:DeleteSecurityGroup action. Encoded authorization failure message: ") {
			t.Errorf("%s: %s", what, a.text)
		}
	}
	if now := r.server.Store.Snapshot().Revision; now != revision {
		t.Error("what was refused was written")
	}
	_, message, _ := strings.Cut(a.text, "failure message: ")
	decode := of("sts", "Action=DecodeAuthorizationMessage&Version=2011-06-15&EncodedMessage="+url.QueryEscape(message))
	var decoded struct {
		Result struct{ DecodedMessage string } `xml:"DecodeAuthorizationMessageResult"`
	}
	for _, q := range []request{decode, decode.by(auditor)} {
		a = r.send(q)
		if err := xml.Unmarshal([]byte(a.body), &decoded); err != nil || !json.Valid([]byte(decoded.Result.DecodedMessage)) ||
			!strings.Contains(decoded.Result.DecodedMessage, `"action":"ec2:DeleteSecurityGroup"`) || !strings.Contains(decoded.Result.DecodedMessage, `"name":"ann"`) {
			t.Errorf("decoded: %d %s, %v", a.status, a.body, err)
		}
	}
	r.send(decode.by(ann)).is(t, "decoded by who was refused", 403, "AccessDenied", user+"sts:DecodeAuthorizationMessage because no identity-based policy allows the sts:DecodeAuthorizationMessage action")
	r.send(decode.by(stranger)).is(t, "decoded by another account", 400, "InvalidAuthorizationMessageException", "not valid")
	r.send(of("sts", "Action=DecodeAuthorizationMessage&Version=2011-06-15")).is(t, "no message", 400, "ValidationError", "EncodedMessage")

	a = r.send(of("sts", "Action=GetCallerIdentity&Version=2011-06-15").by(auditor))
	if !strings.Contains(a.body, "<Arn>arn:aws:iam::123456789012:user/eve</Arn>") || !strings.Contains(a.body, "<UserId>AIDA") {
		t.Errorf("who is eve: %s", a.body)
	}
	a = r.send(of("sts", "Action=GetCallerIdentity&Version=2011-06-15").by(stranger))
	if !strings.Contains(a.body, "<Arn>arn:aws:iam::210987654321:root</Arn>") {
		t.Errorf("who is another account: %s", a.body)
	}
	if a = r.send(action("DescribeSecurityGroups", "").by(stranger)); a.status != http.StatusOK || strings.Contains(a.body, mine) || strings.Contains(a.body, "123456789012") {
		t.Errorf("another account sees %s", a.body)
	}

	administer[admin.SetKeyOutput](r, admin.SetKeyInput{ID: ann.ID, Disabled: true})
	r.send(action("DescribeVpcs", "").by(ann)).is(t, "a disabled key", 401, "AuthFailure", "AWS was not able to validate")
	administer[admin.SetKeyOutput](r, admin.SetKeyInput{ID: ann.ID})
	if a := r.send(action("DescribeVpcs", "").by(ann)); a.status != http.StatusOK {
		t.Errorf("an enabled key: %d %s", a.status, a.body)
	}
	administer[admin.DeleteKeyOutput](r, admin.DeleteKeyInput{ID: ann.ID})
	r.send(of("sts", "Action=GetCallerIdentity&Version=2011-06-15").by(ann)).is(t, "a deleted key", 403, "InvalidClientTokenId", "token")
	if log := r.log.String(); strings.Contains(log, ann.Secret) || strings.Contains(log, root.Secret) {
		t.Error("a secret is logged")
	}
}

func TestOnlyOperatorsAdminister(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	user := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{User: "ann", Policy: `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`})
	stranger := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{Account: "210987654321"})
	another := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{})
	status := administration(admin.StatusInput{})
	if a := r.send(status.by(another)); a.status != http.StatusOK || !strings.Contains(a.header.Get("Content-Type"), "json") {
		t.Errorf("another root key: %d %s", a.status, a.body)
	}
	with := func(q request, change func(*request)) request { change(&q); return q }
	unknown := vpc.AccessKey{ID: "AKIAIOSFODNN7NOBODYS", Secret: root.Secret}
	for _, tt := range []struct {
		name       string
		request    request
		status     int
		code, says string
	}{
		{"a user", status.by(user), 400, "AccessDeniedException", "arn:aws:iam::123456789012:user/ann may not administer this server"},
		{"another account", status.by(stranger), 400, "AccessDeniedException", "only root keys of the account 123456789012 may"},
		{"an unknown key", with(status, func(q *request) { q.key = unknown }), 400, "UnrecognizedClientException", "security token"},
		{"a wrong secret", with(status, func(q *request) { q.key.Secret = "x" }), 400, "InvalidSignatureException", "AWS was not able"},
		{"a late one", with(status, func(q *request) { q.at = q.at.Add(-time.Hour) }), 400, "InvalidSignatureException", "clock"},
		{"another service", with(status, func(q *request) { q.service = "ec2" }), 403, "AccessDenied", "/crenel/v1/Status is asked for with credentials for the service crenel"},
		{"no operation", with(status, func(q *request) { q.path = "/crenel/v1/Reboot" }), 400, "UnknownOperationException", "Reboot"},
		{"the wrong path", with(status, func(q *request) { q.path = "/" }), 400, "UnknownOperationException", "no operation"},
		{"no JSON", with(status, func(q *request) { q.body = "x" }), 400, "SerializationException", "not understood"},
		{"too much", with(status, func(q *request) { q.body = strings.Repeat(" ", maxBody+1) }), 413, "RequestEntityTooLarge", "1048576"},
		{"too much of an import by another account", with(administration(admin.ImportInput{}), func(q *request) { q.body, q.saysHash = strings.Repeat(" ", maxBody+1), true }).by(stranger), 413, "RequestEntityTooLarge", "1048576"},
	} {
		r.send(tt.request).is(t, tt.name, tt.status, tt.code, tt.says)
	}
}

func TestServiceQuotas(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	administer[admin.SetQuotaOutput](r, admin.SetQuotaInput{Region: "us-east-1", Quota: "L-0EA8095F", Value: 100})
	a := r.send(quotas(quotaTarget+"GetServiceQuota", `{"ServiceCode":"vpc","QuotaCode":"L-0EA8095F"}`))
	want := `{"Quota":{"ServiceCode":"vpc","ServiceName":"Amazon Virtual Private Cloud (Amazon VPC)","QuotaArn":"arn:aws:servicequotas:us-east-1:123456789012:vpc/L-0EA8095F","QuotaCode":"L-0EA8095F",` +
		`"QuotaName":"Inbound or outbound rules per security group","Value":100.0,"Unit":"None","Adjustable":true,"GlobalQuota":false,"QuotaAppliedAtLevel":"ACCOUNT"}}` + "\n"
	if a.status != http.StatusOK || a.body != want || a.header.Get("Content-Type") != "application/x-amz-json-1.1" {
		t.Errorf("%d %s\nwant %s", a.status, a.body, want)
	}
	for _, tt := range []struct{ operation, body, want string }{
		{"GetAWSDefaultServiceQuota", `{"ServiceCode":"vpc","QuotaCode":"L-0EA8095F"}`, `"QuotaArn":"arn:aws:servicequotas:us-east-1::vpc/L-0EA8095F"`},
		{"GetAWSDefaultServiceQuota", `{"ServiceCode":"vpc","QuotaCode":"L-0EA8095F"}`, `"Value":60.0,`},
		{"ListServiceQuotas", `{"ServiceCode":"vpc"}`, `"Value":100.0,`},
		{"ListAWSDefaultServiceQuotas", `{"ServiceCode":"ec2"}`, `"QuotaCode":"L-0263D0A3"`},
	} {
		if a := r.send(quotas(quotaTarget+tt.operation, tt.body)); a.status != http.StatusOK || !strings.Contains(a.body, tt.want) || strings.Contains(a.body, `"QuotaCode":""`) {
			t.Errorf("%s %s: %d %s", tt.operation, tt.body, a.status, a.body)
		}
	}
	var all []string
	for token, pages := "", 0; pages < 100; pages++ {
		var out struct {
			Quotas    []struct{ QuotaName string }
			NextToken string
		}
		a := r.send(quotas(quotaTarget+"ListServiceQuotas", `{"ServiceCode":"vpc","MaxResults":4,"NextToken":"`+token+`"}`))
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || len(out.Quotas) > 4 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, q := range out.Quotas {
			all = append(all, q.QuotaName)
		}
		if token = out.NextToken; token == "" {
			break
		}
	}
	var known []string
	for _, l := range vpc.Limits {
		if l.Service == "vpc" && l.Code != "" {
			known = append(known, l.Name)
		}
	}
	if strings.Join(all, "\n") != strings.Join(known, "\n") {
		t.Errorf("page by page: %q, want %q", all, known)
	}
	ann := administer[admin.CreateKeyOutput](r, admin.CreateKeyInput{User: "ann", Policy: limited})
	for _, tt := range []struct {
		name       string
		request    request
		code, says string
	}{
		{"a service that is not here", quotas(quotaTarget+"GetServiceQuota", `{"ServiceCode":"s3","QuotaCode":"L-1"}`), "NoSuchResourceException", "does not exist"},
		{"a quota that is not there", quotas(quotaTarget+"GetServiceQuota", `{"ServiceCode":"ec2","QuotaCode":"L-0EA8095F"}`), "NoSuchResourceException", "does not exist"},
		{"no service", quotas(quotaTarget+"ListServiceQuotas", `{}`), "IllegalArgumentException", "serviceCode"},
		{"no quota", quotas(quotaTarget+"GetServiceQuota", `{"ServiceCode":"vpc"}`), "IllegalArgumentException", "quotaCode"},
		{"too many", quotas(quotaTarget+"ListServiceQuotas", `{"ServiceCode":"vpc","MaxResults":101}`), "IllegalArgumentException", "MaxResults is 101"},
		{"a wrong token", quotas(quotaTarget+"ListServiceQuotas", `{"ServiceCode":"vpc","NextToken":"x"}`), "InvalidPaginationTokenException", ""},
		{"of a resource", quotas(quotaTarget+"ListServiceQuotas", `{"ServiceCode":"vpc","QuotaAppliedAtLevel":"RESOURCE"}`), "IllegalArgumentException", "account's"},
		{"another operation", quotas(quotaTarget+"RequestServiceQuotaIncrease", `{}`), "UnknownOperationException", "RequestServiceQuotaIncrease"},
		{"no target", quotas("", `{}`), "UnknownOperationException", ""},
		{"no JSON", quotas(quotaTarget+"ListServiceQuotas", `<x/>`), "SerializationException", ""},
		{"not allowed", quotas(quotaTarget+"ListServiceQuotas", `{"ServiceCode":"vpc"}`).by(ann), "AccessDeniedException", "user/ann is not authorized to perform: servicequotas:ListServiceQuotas because"},
	} {
		r.send(tt.request).is(t, tt.name, http.StatusBadRequest, tt.code, tt.says)
	}
}

// Clients try again where the status is 500 or more, for minutes.
func TestServicesThatAreNotHere(t *testing.T) {
	r := startIn(t, t.TempDir(), time.Nanosecond)
	r.send(of("iam", "Action=GetUser&Version=2010-05-08")).is(t, "iam", 403, "AccessDenied", "There is no iam here: this server answers EC2, STS and Service Quotas.")
	dynamo := of("dynamodb", "{}")
	dynamo.spoil = func(h *http.Request) { h.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables") }
	r.send(dynamo).is(t, "dynamodb", 400, "AccessDeniedException", "There is no dynamodb here")
	outposts := of("outposts", "")
	outposts.method, outposts.path = "GET", "/outposts?MaxResults=5"
	a := r.send(outposts)
	a.is(t, "outposts", 404, "UnknownOperationException", "There is no GET /outposts here")
	if a.header.Get("x-amzn-ErrorType") != a.code || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("outposts: %v", a.header)
	}
}

func TestExportAndImport(t *testing.T) {
	from, to := startIn(t, t.TempDir(), time.Nanosecond), startIn(t, t.TempDir(), time.Nanosecond)
	for range 3 {
		must[ec2.CreateVpcOutput](from, "CreateVpc", url.Values{"CidrBlock": {"10.0.0.0/16"}})
	}
	key := administer[admin.CreateKeyOutput](from, admin.CreateKeyInput{User: "ann", Policy: limited})
	for n := range 120 { // more than one transaction of an import takes
		must[ec2.CreateSecurityGroupOutput](from, "CreateSecurityGroup", url.Values{"GroupName": {fmt.Sprint("g", n)}, "GroupDescription": {"d"}})
	}
	exported := administer[admin.ExportOutput](from, admin.ExportInput{Secrets: true})
	in := administration(admin.ImportInput{Objects: exported.Objects})
	in.body += strings.Repeat(" ", maxBody) // more than other requests may have
	in.saysHash = true
	a := to.send(in)
	if a.status != http.StatusOK || a.header.Get("x-crenel-enforced") != "false" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if again := administer[admin.ExportOutput](to, admin.ExportInput{Secrets: true}); len(again.Objects) != len(exported.Objects) {
		t.Errorf("%d objects became %d", len(exported.Objects), len(again.Objects))
	} else {
		for i, o := range again.Objects {
			if w := exported.Objects[i]; o.Key == root.ID { // each has its own
				continue
			} else if o.Kind != w.Kind || o.Key != w.Key || string(o.Value) != string(w.Value) {
				t.Errorf("%s %s %s became %s %s %s", w.Kind, w.Key, w.Value, o.Kind, o.Key, o.Value)
			}
		}
	}
	if a := to.send(action("DescribeVpcs", "").by(key)); strings.Count(a.body, "<cidrBlock>10.0.0.0/16</cidrBlock>") != 2*3 {
		t.Errorf("the imported key sees %s", a.body)
	}
	must[ec2.CreateVpcOutput](to, "CreateVpc", url.Values{"CidrBlock": {"10.0.0.0/16"}})
	to.send(administration(admin.ImportInput{Objects: exported.Objects})).is(t, "into a server that is in use", 400, "NotEmpty", "a server that is new")
}
