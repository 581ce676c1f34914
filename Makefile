# make demo · make test · make bench: each sets up what it needs.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Continuous integration builds outside the clone, so that its next run finds what this one built.
ifdef CI
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),/var/tmp)/tradepost-ci/target
endif
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: ## HQ and two stores with real goods, until Ctrl-C (the second start is quick and keeps its data)
	@scripts/setup postgres node
	@scripts/build-web
	@cargo build --release --locked -p hq-server -p store-server -p demo
	@exec $(TARGET)/release/demo

.PHONY: demo-reset
demo-reset: ## Forget the demo's data, then start it afresh
	@scripts/forget-demo
	@$(MAKE) demo

.PHONY: test
test: ## Every test, the browser's included; ends with "N passed, M failed"
	@scripts/test

.PHONY: rig
rig: ## The fault tests in full: twenty kills of each kind
	@scripts/setup postgres
	@cargo build --locked -p hq-server -p store-server
	@RIG_ROUNDS=$${RIG_ROUNDS:-20} cargo test --locked -p rig -- --nocapture --test-threads=1

.PHONY: soak
soak: ## The simulator for a long time, over many seeds
	@cargo run --release --locked -p simulation -- --seeds 500 --steps 100000
	@cargo run --release --locked -p simulation -- --seeds 10 --steps 1000000 --stores 1000

.PHONY: bench
bench: ## The benchmarks with their baselines: a table, and target/bench/report.json
	@scripts/setup postgres node
	@scripts/build-wasm || { rm -rf $(TARGET)/browser-core; echo "bench: goes on without the browser's engines"; }
	@cargo build --release --locked -p hq-server -p store-server -p bench
	@$(TARGET)/release/bench $(SECTIONS)

.PHONY: wasm
wasm: ## The engines for the browser (target/browser-core), compared with the native build to the last digit
	@scripts/test-wasm

.PHONY: sql
sql: ## Write anew what sqlx's checked macros know of the database
	@scripts/prepare-sql
