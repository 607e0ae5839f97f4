package api

import (
	"crenel/ec2"
	"crenel/vpc"
)

// forEach does to each id what it can and lists those that it could not help, as the operations do
// that succeed in part. first is why the first of them failed.
func forEach(ids []string, do func(id string) error) (failed []ec2.UnsuccessfulItem, first error) {
	failed = []ec2.UnsuccessfulItem{}
	for _, id := range ids {
		err := do(id)
		if err == nil {
			continue
		}
		if first == nil {
			first = err
		}
		code, message := vpc.Code(err), err.Error()
		failed = append(failed, ec2.UnsuccessfulItem{ResourceId: new(id),
			Error: &ec2.UnsuccessfulItemError{Code: new(code), Message: new(message[len(code)+len(": "):])}})
	}
	return failed, first
}
