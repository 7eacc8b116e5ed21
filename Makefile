# The commands of this repository. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help tools test console e2e lint demo bench slow arm64

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## Install the programs that the tests run, when they are missing
	.ci/tools

web/node_modules/.package-lock.json: web/package-lock.json web/package.json
	cd web && npm ci --no-audit --no-fund
	touch $@

# The longest comes last, so that its summary is in view.
test: console e2e ## Run every test but the slow tier
	cargo test --doc --locked
	cargo nextest run --locked

console: tools web/node_modules/.package-lock.json
	cd web && npm run check
	cd web && npm test

# The browser test and the Rust tests drive the same binary, built once: `cargo build` would choose other features of
# the dependencies and build many of them again.
e2e: tools web/node_modules/.package-lock.json ## Drive the demo in a browser
	cargo nextest run --locked --no-run
	cd web && npm run e2e

lint: ## Format, clippy, docs, licences and the service unit
	.ci/lint

demo: ## Start the appliance with its demo fleet
	cargo run --release --locked -- demo $(ARGS)

bench: tools ## Measure ingest (beside Mosquitto), Socket.IO, nearby, dispatch and the line to head office
	cargo bench --locked $(ARGS)

slow: tools ## The slow tier: crash and soak tests, then the ARM64 build and its smoke
	DEPOTD_SLOW=1 cargo nextest run --locked --profile slow --run-ignored all
	.ci/arm64

arm64: ## Cross-build for 64-bit ARM and run the binary's smoke under qemu
	.ci/arm64
