package admin

import (
	"strings"

	"crenel/vpc"
)

// A Quota is what an account may have in a Region.
type Quota struct {
	Service, Code string // as Service Quotas names them; Code may be ""
	Name          string
	Value         int
	Default       int
}

// A ListQuotasInput asks for the quotas of an account in a Region.
type ListQuotasInput struct {
	Account string // "": the server's own
	Region  string
}

// A ListQuotasOutput holds all of them.
type ListQuotasOutput struct{ Quotas []Quota }

func listQuotas(v Server, e *vpc.Edit, in *ListQuotasInput) (*ListQuotasOutput, error) {
	scope, err := quotaScope(v, e, in.Account, in.Region)
	if err != nil {
		return nil, err
	}
	out := &ListQuotasOutput{}
	for _, l := range vpc.Limits {
		out.Quotas = append(out.Quotas, quota(e, scope, l))
	}
	return out, nil
}

// A SetQuotaInput sets one quota.
type SetQuotaInput struct {
	Account string // "": the server's own
	Region  string
	Quota   string // its code or its name
	Value   int
	Reset   bool `json:",omitempty"` // to AWS's default, whatever Value is
	Lab     bool `json:",omitempty"` // beyond what AWS would grant
}

// A SetQuotaOutput is the quota as it is then.
type SetQuotaOutput struct{ Quota }

func setQuota(v Server, e *vpc.Edit, in *SetQuotaInput) (*SetQuotaOutput, error) {
	scope, err := quotaScope(v, e, in.Account, in.Region)
	if err != nil {
		return nil, err
	}
	l, ok := vpc.FindLimit(in.Quota)
	if !ok {
		var names []string
		for _, l := range vpc.Limits {
			names = append(names, l.Name)
		}
		return nil, vpc.Errorf("NoSuchResourceException", "there is no quota %q; these are: %s", in.Quota, strings.Join(names, ", "))
	}
	if in.Reset {
		e.ResetQuota(scope, l)
	} else if err := e.SetQuota(scope, l, in.Value, in.Lab); err != nil {
		return nil, err
	}
	return &SetQuotaOutput{quota(e, scope, l)}, nil
}

func quotaScope(v Server, e *vpc.Edit, account, region string) (vpc.Scope, error) {
	if account == "" {
		account = v.Root.Account
	}
	switch {
	case !vpc.IsAccount(account):
		return vpc.Scope{}, invalid("%q is not an account id: those have 12 digits", account)
	case e.Accounts.Get(account) == nil:
		return vpc.Scope{}, vpc.Errorf("NoSuchEntity", "there is no account %s here; crenel key create --account %s makes it", account, account)
	case !vpc.IsRegion(region):
		return vpc.Scope{}, invalid("%q is not an AWS Region", region)
	}
	return vpc.Scope{Account: account, Region: region}, nil
}

func quota(e *vpc.Edit, scope vpc.Scope, l vpc.Limit) Quota {
	s := *e.State
	s.Scope = scope
	return Quota{Service: l.Service, Code: l.Code, Name: l.Name, Value: s.Limit(l), Default: l.Default}
}
