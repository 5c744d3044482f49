# The What-If Machine. `make` lists what there is.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help build worker demo test lint race fuzz bench full release clean

BIN     := bin/whatif
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
FUZZTIME ?= 10s

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/whatif; the first time takes minutes
	@.ci/build $(BIN) $(VERSION)

worker: ## build bin/whatif-worker, the program of workers on Flink and Dataflow
	@VERSION=$(VERSION) .ci/compile whatif-worker bin/whatif-worker

demo: build ## generate a small study, run it, compare its variants
	@$(BIN) demo

test: ## every test; nothing needs to be installed or started
	@.ci/warm
	go test -timeout 30m ./...

lint: ## vet and lint
	go vet ./...
	.ci/lint

race: ## the race detector on what is concurrent
	go test -race -run 'Shared|Cancelled' ./model/matcher/engine
	go test -race ./transforms ./transforms/objects
	go test -race -run 'HasAToken|AreRefused|TwoSupervisors|IsObserved|SlowVariant|Transient|KilledJob|TestAJobElsewhere|TestNoSecond|TestTwoWorkers' ./pipeline
	go test -race ./pipeline/portable ./pipeline/dataflow
	go test -race -run 'Removed|TheirContext|Together' ./sql/warehouse
	go test -race -run 'NeverComeTwice|NeverChanged|OneHolder|ThatCounts|Cancelled|Lease|Mirror|Bucket' ./transforms/results
	go test -race ./sql/loads ./sql/loads/bigquery
	go test -race -run 'ManyVariants' ./model/matcher
	go test -race ./launcher/access ./launcher/api ./launcher/hooks ./launcher/inputs ./launcher/limit
	go test -race -run 'Lease|Share|Store|Stop|AtOnce|Token|Together|OneSimulation|Launchers' ./launcher/queue
	go test -race -run 'Together|Key|Fire|Stale|Lease|Claim|Gap' ./launcher/store
	go test -race -run 'Missing|Together|Views|Slow' ./launcher/reading

fuzz: ## each fuzz target for FUZZTIME (10s)
	.ci/fuzz $(FUZZTIME)

bench: ## the benchmarks with their ratios, six runs each, through benchstat
	.ci/bench 6

full: ## the slow proofs: soak, hundreds of kills, long fuzz, the big study
	.ci/full

release: ## every program, static, with SHA256SUMS and bills of materials, into dist
	@VERSION=$(VERSION) .ci/release dist

clean: ## remove what was built
	rm -rf bin dist
