# Every target is one line that calls the code that does it. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help demo stack compilers corpus test check-deploy cases chaos clients bench load scale-model costs images setup client-packages bench-packages test-packages deploy-packages programs image-packages

export PATH := $(PATH):$(HOME)/.cargo/bin
release := $(or $(CARGO_TARGET_DIR),target)/release
VARIABLES ?= terraform/production.tfvars

# Variables given on the command line, such as PORT, reach the programs as their environment. The
# programs are the last and only process of a line: they get the signals that make gets.

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: programs ## Deploys contracts on a local chain and verifies them: make demo [ONCE=1]
	@$(release)/demo --end-with-parent $(if $(ONCE),--once)

stack: programs ## Both services on this machine, until Ctrl-C: make stack CHAINS=chains.json [PORT=5555] [PUBLIC_APIS=2] [VERIFIERS=2] [MONITORING=1] [COMPILER_ENGINES=...]
	@$(release)/stack --end-with-parent

compilers: programs ## Prepares compilers, or lists them: make compilers VERSIONS="0.8.28 0.5.16 vyper-0.4.3" [ENGINE=node]
	@$(release)/compilers $(if $(VERSIONS),--versions $(VERSIONS) $(if $(ENGINE),--engine $(ENGINE)),--list)

corpus: programs ## Compares solc in our engine with Node, all releases or some: make corpus [VERSIONS="0.8.28"]
	@$(release)/compilers corpus --openzeppelin tests/local-stack/npm/node_modules/@openzeppelin/contracts \
		$(if $(VERSIONS),--versions $(VERSIONS))

test: test-packages ## Everything that must hold before a commit
	@scripts/test

check-deploy: deploy-packages ## Checks terraform/ without a project, and that each of many mistakes is caught
	@scripts/check-deploy

cases: programs ## Verifies a folder of contracts and compares: make cases DIR=tests/cases [ONLY=text] [JOBS=2]
	@$(release)/cases --end-with-parent

chaos: programs ## Kills, freezes and cuts everything while contracts are verified: make chaos [JOBS=500] [DURATION=180] [GAP=1.5] [SEED=n]
	@$(release)/chaos --end-with-parent

clients: client-packages programs ## Verifies with forge and Hardhat as their users do; installs 400 MB of them: make clients
	@$(release)/clients --end-with-parent

bench: bench-packages programs ## Times and memory of verifications and reads: make bench [ROUNDS=30] [READS=10] [JOBS=1000] [OUTPUTS_MEMORY_MIB=16]
	@$(release)/bench --end-with-parent

load: programs ## Bears many jobs, and tells how: make load [RATE=200] [SECONDS=20] [JOBS=50] [COMPILE_MS=200] [IDLE=30]
	@$(release)/load --end-with-parent

scale-model: ## Waits, instances and limits by the autoscaling settings: make scale-model [VARIABLES=terraform/production.tfvars] [JSON=1]
	@cargo run --release --quiet --package scale-model -- waits --terraform $(VARIABLES) $(if $(JSON),--json)

costs: ## What a month costs: make costs [MONTH=100000] [VARIABLES=terraform/production.tfvars] [JSON=1]
	@cargo run --release --quiet --package scale-model -- costs --terraform $(VARIABLES) $(if $(MONTH),--month $(MONTH)) $(if $(JSON),--json)

images: image-packages ## Builds both images without a registry and verifies with them, as root: make images [COMPILERS="0.8.28"]
	@scripts/images

setup:
	@scripts/setup

client-packages: setup
	@scripts/setup clients

test-packages: setup
	@scripts/setup test

deploy-packages: setup
	@scripts/setup deploy

bench-packages: setup
	@scripts/setup bench

image-packages: setup
	@scripts/setup images

programs: setup
	@SOURCERUN_COMMIT=$$(git rev-parse HEAD 2>/dev/null) cargo build --release --bins
