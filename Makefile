# The commands of the project. `make help` lists them.
# Written for GNU make 3.81 and any POSIX sh, as macOS ships them.

ifeq ($(OS),Windows_NT)
$(error This runs on Linux and macOS. On Windows, use WSL2: 'wsl --install', then clone and run it there)
endif

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:

# What a user may set; handed to the recipes by the environment, so that no character in a path is special.
export INPUT LAKE PATIENTS
# Tests and checks start hundreds of processes: what one has compiled, the others need not compile again.
unexport PYTHONDONTWRITEBYTECODE

VENV := $(or $(UV_PROJECT_ENVIRONMENT),.venv)
RUN := "$(VENV)/bin/python" -m
# One more than there are processors: tests wait a good part of their time, for processes they start.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
CODE := $(wildcard src tests benchmarks examples spark infra utils)

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  INPUT=dir   demo: your own FHIR files instead of generated ones'
	@echo '  LAKE=dir    demo: the folder of the lake (default: ./lake, with INPUT ./lake-input)'
	@echo '  PATIENTS=n  demo: how many patients to generate (default: 1000)'
	@echo '  ARGS=...    test: what to hand to pytest, as ARGS="-k ingest"'

.PHONY: setup
setup: ## install what the product needs, into this folder alone
	@sh tools/setup.sh base

.PHONY: setup-dev
setup-dev: ## install what tests and checks need besides
	@sh tools/setup.sh dev

.PHONY: setup-spark
setup-spark: ## install Spark besides, for which Java 17 has to be there (about 1 GB)
	@sh tools/setup.sh spark
	@$(RUN) a360.jvm

.PHONY: setup-trino
setup-trino: ## bring a Trino server for the tests, for which Java 17 and Maven have to be there (80 MB)
	@sh tools/setup_trino.sh

.PHONY: setup-aws
setup-aws: setup-dev ## bring an emulator of AWS for the tests, into the user's cache (80 MB)
	@sh tools/setup_ministack.sh

.PHONY: setup-infra
setup-infra: ## install what the app for AWS needs besides: the CDK, with a Node of its own (600 MB)
	@sh tools/setup.sh infra

.PHONY: infra-synth
infra-synth: setup-infra ## make the templates of AWS, without reaching it (ENVIRONMENT=prod for others than staging)
	@cd infra && "$(abspath $(VENV))/bin/cdk" synth --quiet -c environment="$(or $(ENVIRONMENT),staging)"

.PHONY: infra-lint
infra-lint: infra-synth ## hold the templates to CloudFormation's own rules
	@cd infra && "$(abspath $(VENV))/bin/cfn-lint" cdk.out/*.template.json

.PHONY: infra-test
infra-test: setup-infra ## test the app for AWS
	@cd infra && "$(abspath $(VENV))/bin/python" -P -m pytest $(ARGS)

.PHONY: demo
demo: setup ## run the main job on generated data of 1,000 patients, or on INPUT=dir
	@set -- demo; \
	[ -z "$$INPUT" ] || { set -- "$$@" --input "$$INPUT"; LAKE="$${LAKE:-lake-input}"; }; \
	[ -z "$$PATIENTS" ] || set -- "$$@" --patients "$$PATIENTS"; \
	[ -z "$$LAKE" ] || set -- "$$@" --lake "$$LAKE"; \
	exec $(RUN) a360 "$$@"

.PHONY: test
test: setup-dev ## run the tests (A360_REQUIRE=data,spark: what is missing fails instead of skipping)
	@$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: lint
lint: setup-dev ## check style, layers, contracts and that every test states its rule
	@$(RUN) ruff check $(CODE)
	@$(RUN) ruff format --check $(CODE)
	@"$(VENV)/bin/lint-imports" --no-cache
	@$(RUN) interrogate --quiet --whitelist-regex 'test_.*' tests spark/test infra/tests
	@$(RUN) a360 lint

.PHONY: types
types: setup-dev ## check types, strictly
	@$(RUN) mypy
	@$(RUN) mypy .

.PHONY: check
check: lint types test ## all that has to pass before a change goes in

.PHONY: format
format: setup-dev ## format the code and mend what can be mended
	@$(RUN) ruff check --fix $(CODE)
	@$(RUN) ruff format $(CODE)

.PHONY: hooks
hooks: setup-dev ## run the quick checks at every commit
	@"$(VENV)/bin/prek" install

.PHONY: clean
clean: ## remove the environment and all that was built; lakes stay
	rm -rf .setup "$(VENV)" dist build .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
