.DEFAULT_GOAL := help
.PHONY: help run client demo test torture simulate attack fuzz lint fmt bench

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: ## Build all services, start them, stop them at Ctrl-C
	@scripts/run.sh

client: ## Build the client of the stand, which the gateway embeds
	@scripts/client.sh

demo: ## Demonstrate the running services, step by step
	@scripts/demo.sh

test: ## Formatting, lints and all tests
	@scripts/test.sh

torture: ## Run all fault injection: kills, power cuts, failing disks, damaged files
	@scripts/torture.sh

simulate: ## Run a million simulated schedules of several instances on one database
	@scripts/simulate.sh

attack: ## Attack the services, on this machine only, and print the results
	@scripts/attack.sh

fuzz: ## Fuzz both services, and reservation as each role, for ten minutes each
	@scripts/fuzz.sh

lint: ## clippy with warnings denied, and rustfmt
	@scripts/test.sh lint

fmt: ## Format all code
	@cargo fmt --all

bench: ## Measure performance, relative to other systems in the same run
	@scripts/bench.sh
