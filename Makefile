# The commands of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PNPM := .tools/node_modules/.bin/pnpm
BIN := node_modules/.bin
PNPM_VERSION := 12.21.0
MANIFESTS := package.json pnpm-workspace.yaml pnpm-lock.yaml $(wildcard packages/*/package.json services/*/package.json apps/*/package.json)

OPA_VERSION := 1.22.2
# What each part needs beside the dependencies; `programs` installs them all.
SANDBOX := sh tools/setup/programs.sh bubblewrap:bwrap
SHELLS := sh tools/setup/programs.sh tmux zsh fish bash git-lfs
FAKETIME := sh tools/setup/programs.sh faketime
CONTAINER := sh tools/setup/container.sh
MANAGERS := sh tools/setup/package-managers.sh
TOOLCHAINS := sh tools/setup/toolchains.sh
OPA := sh tools/setup/opa.sh "$(OPA_VERSION)"
POSTGRES := sh tools/setup/postgres.sh
KAFKA := sh tools/setup/kafka.sh
# SERIES=4 runs RabbitMQ 4, whatever this system has.
ifeq ($(SERIES),4)
RABBITMQ := $(SANDBOX) && sh tools/setup/rabbitmq-tree.sh
export OSSAAT_TEST_RABBITMQ_TREE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ossaat-tools/rabbitmq-4
else ifeq ($(SERIES),)
RABBITMQ := sh tools/setup/rabbitmq.sh
else
$(error SERIES=$(SERIES): say SERIES=4, or leave it away for the RabbitMQ of this system)
endif
# The servers below the stack that chaos is asked for.
CHAOS_SERVERS := case "$(STACK)" in rabbit) $(POSTGRES) && $(RABBITMQ);; kafka) $(POSTGRES) && $(KAFKA);; esac

# What Node compiled, for the next process: each file of tests has one of its own. Not where starts are measured.
test check cli attacks pg kafka rabbit faults failpoints demo-stacks eval-tasks: export NODE_COMPILE_CACHE = $(CURDIR)/.tools/compiled

.PHONY: help setup sandbox demo demo-stacks test check cli policy policy-build pg rabbit kafka conformance programs faults failpoints attacks chaos chaos-mutations chaos-scenarios chaos-upgrade services eval-tasks up bench soak gen clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{ printf "%-24s%s\n", $$1, $$2 }'

setup: .tools/installed ## Install what is needed (the others do it by themselves)

.tools/installed: $(MANIFESTS)
	@sh tools/setup/install.sh "$(PNPM_VERSION)"
	@$(BIN)/node tools/bundle/build-cli.ts
	@touch $@

sandbox: .tools/installed ## Install what the first tests need of the system
	@$(SANDBOX)

programs: .tools/installed ## Install every program that some command here needs (they do it by themselves)
	@$(SANDBOX)
	@$(SHELLS)
	@$(FAKETIME)
	@$(CONTAINER)
	@$(MANAGERS)
	@$(TOOLCHAINS)
	@$(OPA)
	@$(POSTGRES)
	@$(KAFKA)
	@$(RABBITMQ)

demo: .tools/installed ## The whole job on a sample repository, with a scripted model
	@$(SANDBOX)
	@apps/cli/bin/ossaat demo --dir .demo

demo-stacks: .tools/installed ## The demo's plan on three stacks, whose processes are killed all the time: the same outcome
	@$(SANDBOX)
	@$(POSTGRES)
	@$(RABBITMQ)
	@$(KAFKA)
	@$(BIN)/node tools/demo/run-stacks.ts

test: .tools/installed ## Unit, sandbox and end-to-end tests
	@$(SANDBOX)
	@$(BIN)/node tools/test/run-tests.ts unit,sandbox unit-apart e2e

cli: .tools/installed ## The CLI in real shells and terminals; every setting, every example
	@$(SANDBOX)
	@$(SHELLS)
	@$(BIN)/node tools/test/run-tests.ts cli

attacks: .tools/installed ## Every attack against every driver, as root and as an ordinary user
	@$(SANDBOX)
	@$(CONTAINER)
	@$(MANAGERS)
	@$(BIN)/node tools/attacks/run-attacks.ts

pg: .tools/installed ## The engine and its store on a real PostgreSQL
	@$(SANDBOX)
	@$(POSTGRES)
	@$(BIN)/node tools/test/run-tests.ts pg

kafka: .tools/installed ## The queue, the engine and a deployment on a real broker of Apache Kafka
	@$(SANDBOX)
	@$(POSTGRES)
	@$(KAFKA)
	@$(RABBITMQ)
	@$(BIN)/node tools/test/run-tests.ts kafka

rabbit: .tools/installed ## The queue, the engine and a deployment on a real RabbitMQ; SERIES=4 on RabbitMQ 4 of a tree of its own
	@$(SANDBOX)
	@$(POSTGRES)
	@$(RABBITMQ)
	@$(BIN)/node tools/test/run-tests.ts rabbit

conformance: .tools/installed ## What each case of durable execution came to on each queue and store, by the reports of test, pg, rabbit and kafka
	@$(BIN)/node tools/ci/conformance.ts

faults: .tools/installed ## The long end-to-end tests: kills at many moments
	@$(SANDBOX)
	@$(FAKETIME)
	@$(BIN)/node tools/test/run-tests.ts faults

failpoints: .tools/installed ## A server killed at every named place; needs the machine for itself
	@$(SANDBOX)
	@$(BIN)/node tools/test/run-tests.ts faults-alone

chaos: .tools/installed ## Kill everything at random moments; STACK=embedded|rabbit|kafka, SERIES=4, SEEDS=1000, SEED=first
	@$(CHAOS_SERVERS)
	@$(BIN)/node tools/chaos/run-chaos.ts --stack "$(STACK)" --seeds "$(SEEDS)" --seed "$(SEED)"

chaos-scenarios: .tools/installed ## What users report, in real time on real servers; STACK=rabbit|kafka
	@$(CHAOS_SERVERS)
	@$(BIN)/node tools/chaos/run-scenarios.ts --stack "$(STACK)"

chaos-upgrade: .tools/installed ## From an earlier revision to this one and back while plans run; STACK=rabbit|kafka FROM=revision
	@$(CHAOS_SERVERS)
	@$(BIN)/node tools/chaos/run-upgrade.ts --stack "$(STACK)" --from "$(FROM)"

chaos-mutations: .tools/installed ## Take away one safeguard at a time; each must be missed; STACK as above
	@$(CHAOS_SERVERS)
	@$(BIN)/node tools/chaos/run-mutations.ts --stack "$(STACK)"

services: .tools/installed ## PostgreSQL and a broker on loopback to try the product on, until Ctrl+C; STACK=rabbit|kafka
	@$(POSTGRES)
	@$(if $(filter kafka,$(STACK)),$(KAFKA),$(RABBITMQ))
	@exec $(BIN)/node tools/services/run-services.ts --stack "$(STACK)"

eval-tasks: .tools/installed ## Reference tasks with an oracle model; REPOS=folder adds public repositories
	@$(SANDBOX)
	@$(TOOLCHAINS)
	@$(BIN)/node tools/eval/run-eval.ts --repos "$(REPOS)" --only "$(ONLY)"

check: .tools/installed ## Format, lint, types, unused code, dependency directions
	@$(BIN)/node tools/check/run-checks.ts

policy: .tools/installed ## The rules of infra/policies: format, tests, mutants, compiled as committed
	@$(OPA)
	@$(BIN)/node tools/policy/run-policy.ts "$(OPA_VERSION)"

policy-build: .tools/installed ## Compile the rules again
	@$(OPA)
	@$(BIN)/node tools/policy/write-policy.ts "$(OPA_VERSION)"

up: .tools/installed ## Run the embedded server in the foreground
	@apps/cli/bin/ossaat up

bench: .tools/installed ## Measure, as ratios to a baseline of the same run
	@$(SANDBOX)
	@$(POSTGRES)
	@$(KAFKA)
	@$(RABBITMQ)
	@$(BIN)/node tools/bundle/build-cli.ts
	@$(BIN)/node tools/bench/run-bench.ts

soak: .tools/installed ## Steady load for MINUTES (30): memory, its slope, and whether it grows
	@MINUTES=$(or $(MINUTES),30) $(BIN)/node tools/soak/run-soak.ts

gen: .tools/installed ## Generate schemas and protocol code again
	@cd packages/contracts && ../../$(BIN)/node scripts/generate-proto.ts && ../../$(BIN)/node scripts/write-json-schemas.ts && ../../$(BIN)/node scripts/write-capability-rego.ts

clean: ## Remove what was installed and made
	@rm -rf .tools .demo node_modules packages/*/node_modules services/*/node_modules apps/*/node_modules bench/latest.json
