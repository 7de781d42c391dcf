.DEFAULT_GOAL := help
.PHONY: help run demo test torture lint fmt bench

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

run: ## Build both services, start them, stop both at Ctrl-C
	@scripts/run.sh

demo: ## A tour of the running pair
	@scripts/demo.sh

test: ## Formatting, lints and all tests
	@scripts/test.sh

torture: ## Inject faults, at full length: kills, power cuts, broken disks and files
	@scripts/torture.sh

lint: ## clippy with warnings denied, and rustfmt
	@scripts/test.sh lint

fmt: ## Format all code
	@cargo fmt --all

bench: ## Measure; prints ratios within one run
	@scripts/bench.sh
