# Seven verbs. `make run` and `make test` do their own set-up: see setup.sh.
GO ?= go
export CGO_ENABLED = 0
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

.PHONY: all run test soak bench lint generate
all: bin/crenel bin/crenel-agent

bin/crenel bin/crenel-agent: FORCE
	@./setup.sh build
	$(GO) build -trimpath -o $@ ./cmd/$(notdir $@)
FORCE:

run: all
	$(SUDO) bin/crenel up

test: all
	@./setup.sh test
	./test.sh

soak: all
	@./setup.sh test
	@./setup.sh soak
	CRENEL_SOAK=1 ./test.sh -tags soak -timeout 45m -skip '^Test(Terraform|Ansible|JavaScript|CLI|TheSessionOfTheREADME)$$' ./api ./datapath ./store ./cli ./lab

# A firewall to compare with that cannot be had is left out.
bench: all
	@./setup.sh test
	-@./setup.sh bench
	$(GO) test -run '^$$' -bench . -timeout 60m ./datapath ./store ./policy ./api ./bench

# Everything generated is committed; this writes it again. Needs clang and protoc.
generate:
	@./setup.sh generate
	$(GO) generate ./...

lint:
	@./setup.sh build
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod golangci-lint run ./...
	cd ec2/gen && $(GO) vet ./...
	cd conformance && $(GO) vet ./...
	GOOS=darwin $(GO) build -o /dev/null ./cmd/crenel
	GOOS=windows $(GO) build -o /dev/null ./cmd/crenel
	GOOS=windows $(GO) vet ./vpc ./policy ./flow ./api ./ec2 ./sigv4
