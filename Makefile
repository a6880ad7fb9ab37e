# Two commands matter: `make run` and `make test`. Everything they need they set up themselves,
# in .venv/ and .boatyard/ of this folder; both are safe to repeat and quick when already done.
.DEFAULT_GOAL := help
.PHONY: help run test lint fuzz bench bundle builder-image lock clean setup

# Else each of hundreds of processes would compile again what it imports.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' Makefile

run: setup  ## build and start examples/hello.py on a real BuildKit and registry
	@$(BIN)/python -m boatyard_local.quickstart

test: lint  ## lint, then every test, on the real BuildKit and registry; unit tests on each Python that is here
	@$(BIN)/python -m boatyard_local.engine ensure
	@$(BIN)/python scripts/bundle/interpreters.py
	@$(BIN)/pytest -n 3 --dist loadscope --no-loadscope-reorder

lint: setup  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/mypy --python-version 3.11 scripts/bundle
	@$(BIN)/lint-imports

fuzz: setup  ## 100,000 hostile requests in process (FUZZ_REQUESTS=, FUZZ_SEED=); exits 1 for a 500 or a second of CPU
	@$(BIN)/python -m tests.fuzz $(FUZZ_REQUESTS:%=--requests %) $(FUZZ_SEED:%=--seed %) $(FUZZ_OPTIONS)

bench: setup  ## measure; writes docs/benchmarks.md. One section alone: ONLY=builds, answers or cold-start
	@test "$(ONLY)" = cold-start || $(BIN)/python -m boatyard_local.engine ensure
	@$(BIN)/python -m tests.bench $(ONLY:%=--only %) $(BENCH_OPTIONS)

bundle: setup  ## make a cloud's archives, CLOUD=aws, PYTHON_VERSION=3.13: .boatyard/bundles/aws.zip, aws-builder.zip
	@$(BIN)/python scripts/bundle $(or $(CLOUD),aws) $(PYTHON_VERSION:%=--python %) $(BUNDLE_OPTIONS)

builder-image: setup  ## build and push what runs in a cluster, CLOUD=aws, REPOSITORY=registry/repository
	@$(BIN)/python scripts/bundle/image.py $(or $(CLOUD),aws) $(if $(REPOSITORY),--repository '$(REPOSITORY)') $(IMAGE_OPTIONS)

lock: setup  ## resolve requirements/*.in again (hashes, no addresses)
	@scripts/lock

clean:  ## stop what was started here and remove .boatyard/ and .venv/
	@scripts/clean

setup:
	@scripts/setup
