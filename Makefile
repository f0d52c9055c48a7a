# ETL Portal. `make` alone prints the targets; `make run` and `make test` are all one needs.
# What the targets need beyond Go, git and make installs itself, pinned, into .tools (scripts/).

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run demo build web web-test web-e2e screenshots functions synth deploy infra-test airflow-test airflow-matrix test localstack-test check lint up down secrets tidy fmt cover fuzz soak bench readme vuln clean distclean

# The version is stamped below; git's refusal of a checkout with another owner must not break a build.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 30s
SOAK ?= 10m
BENCH ?= -pairs 5 -scale -upsert

# section prints a heading, so that a long log says where it is.
section = @printf '\n==== %s\n' '$(1)'

help: ## print the targets
	@echo 'ETL Portal: CSV files into PostgreSQL. Targets:'
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | while IFS='|' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done

run: build ## the portal at http://127.0.0.1:8080; ARGS='--listen 127.0.0.1:8081' adds flags
	@env -u DATABASE_URL bin/etlportal serve --log-level warn $(ARGS)

demo: build ## load examples/sales.csv from the command line into an embedded PostgreSQL and show the result
	@go run ./cmd/demo

build: web ## build ./bin/etlportal with the web UI in it
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/etlportal ./cmd/etlportal

web: ## build the web UI where it changed
	@scripts/web.sh build

web-test: ## the web UI: API types are fresh, type-check, lint, unit tests, budget of the first load
	@scripts/web.sh test

web-e2e: build ## the web UI in Chromium against the built program
	@scripts/web.sh e2e

screenshots: build ## take docs/images/*.png anew, in light and dark
	@scripts/web.sh screenshots

functions: ## build the Lambda functions, for ARCH='arm64 amd64'
	@scripts/functions.sh $(ARCH)

synth: ## CloudFormation templates in cdk.out; TARGET=localstack, CONTEXT='size=medium …' (docs/aws.md)
	@scripts/functions.sh $(if $(filter localstack,$(TARGET)),amd64,arm64)
	@scripts/synth.sh $(or $(TARGET),aws) $(CONTEXT)

deploy: web ## deploy to AWS; CONTEXT='domain=… certificate=…' (docs/aws.md), ARGS='--require-approval never'
	@$(MAKE) --no-print-directory synth TARGET=aws
	@scripts/deploy.sh $(ARGS)

infra-test: ## the stacks of infra-cdk: least privilege, cdk-nag, cfn-lint, costs
	@scripts/infra-test.sh

airflow-test: ## Airflow 2.11.0 and 3.0.6 for real: provider, DAGs, a schedule from making to deletion
	@scripts/airflow-test.sh 2.11.0 3.0.6

airflow-matrix: ## airflow-test with 2.10.3, 2.11.0, 3.0.6 and 3.3.2
	@scripts/airflow-test.sh 2.10.3 2.11.0 3.0.6 3.3.2

test: ## everything that must hold: build, vet, lint, secrets, tidy, tests under the race detector
	$(call section,build)
	@$(MAKE) --no-print-directory build
	go build ./...
	$(call section,go vet)
	go vet ./...
	$(call section,lint: golangci-lint with the import directions)
	@$(MAKE) --no-print-directory lint
	$(call section,secrets in the history: gitleaks)
	@$(MAKE) --no-print-directory secrets
	$(call section,go.mod is tidy)
	@$(MAKE) --no-print-directory tidy
	$(call section,tests under the race detector$(comma) with the seeds and finds of every fuzz target)
	@cc="$$(scripts/cc.sh)" && CGO_ENABLED=1 CC="$$cc" go test -race -timeout 20m -skip '^TestAirflow$$' ./...
	$(call section,web UI: types$(comma) lint$(comma) unit tests$(comma) budget)
	@$(MAKE) --no-print-directory web-test
	$(call section,web UI in Chromium against the built program)
	@$(MAKE) --no-print-directory web-e2e
	$(call section,stacks on AWS: least privilege$(comma) cdk-nag$(comma) cfn-lint)
	@$(MAKE) --no-print-directory infra-test
	$(call section,Airflow 2.11.0 and 3.0.6)
	@$(MAKE) --no-print-directory airflow-test
	$(call section,2000 schedules of crashes and lost messages$(comma) each row once)
	go test -count=1 -timeout 10m -run '^TestExactlyOnce(Redshift)?$$' ./internal/workflow
	@printf '\nmake test: everything passed\n'

localstack-test: ## the synthesized stack on LocalStack, and the contract through its API Gateway
	go test -count=1 -timeout 15m -v ./functions/e2e

check: ## the quick subset: vet and short tests without the race detector
	$(call section,go vet)
	go vet ./...
	$(call section,short tests)
	go test -short -timeout 3m -skip '^TestAirflow$$' ./...
	@printf '\nmake check: passed (make test runs the rest)\n'

lint: ## golangci-lint; .golangci.yml holds the import directions; hadolint for the Dockerfile
	@tool="$$(scripts/tool.sh golangci-lint)" && "$$tool" run --allow-parallel-runners ./...
	@scripts/hadolint.sh Dockerfile

up: ## the portal, PostgreSQL and S3 in containers (needs Docker); PROFILE=airflow adds Airflow
	@[ -f .env ] || cp .env.example .env
	docker compose $(if $(PROFILE),--profile $(PROFILE)) up --detach --build --wait

down: ## stop the containers; their volumes stay (docker compose down --volumes removes them)
	docker compose --profile '*' down

secrets: ## gitleaks over the whole history
	@git rev-parse --git-dir >/dev/null 2>&1 || { echo 'make secrets: this folder is no git checkout, so there is no history to search; clone the repository' >&2; exit 1; }
	@tool="$$(scripts/tool.sh gitleaks)" && "$$tool" git --no-banner --no-color --redact .

tidy: ## fail where go.mod or go.sum differ from what the code needs
	go mod tidy -diff

fmt: ## format the code
	@tool="$$(scripts/tool.sh golangci-lint)" && "$$tool" fmt ./...

cover: ## test coverage per package, and of the whole in .data/cover.html
	@mkdir -p .data
	go test -timeout 10m -skip '^TestAirflow$$' -coverpkg=./internal/... -coverprofile=.data/cover.out ./...
	@go tool cover -func=.data/cover.out | tail -1
	@go tool cover -html=.data/cover.out -o .data/cover.html

fuzz: ## run every fuzz target for FUZZTIME (30s) beyond its seeds
	@scripts/fuzz.sh $(FUZZTIME)

soak: ## random schedules of crashes and lost messages for SOAK (10m), from a seed that nobody has tried
	go test ./internal/workflow -run '^TestExactlyOnce$$' -v -timeout 0 -args -once.duration $(SOAK) -once.first $$(date +%s)000

bench: build ## measure against psql \copy; BENCH='-pairs 3' chooses what
	go run ./cmd/bench $(BENCH)

readme: build ## run the README's commands and paste their output into it
	go run ./cmd/demo -readme README.md -write

vuln: ## known vulnerabilities in the dependencies (needs vuln.go.dev)
	@tool="$$(scripts/tool.sh govulncheck)" && "$$tool" ./...

clean: ## remove what was built and measured
	rm -rf bin dist .data web/dist/app

distclean: clean ## clean, and remove the installed tools
	rm -rf .tools web/node_modules

comma := ,
