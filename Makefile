# The main targets are `make run` and `make test`. They set up everything in .venv/ and .boatyard/ of this folder; both
# are safe to repeat, and quick if there is nothing to do.
.DEFAULT_GOAL := help
.PHONY: help run test lint fuzz fuzz-layers bench bundle builder-image lock clean setup

# Otherwise each of hundreds of processes would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin

help:  ## list all targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' Makefile

run: setup  ## build the image of examples/hello.py with a real BuildKit and registry, and start it
	@$(BIN)/python -m boatyard_local.quickstart

test: setup  ## lint, then all tests with a real BuildKit and registry; unit tests on other installed Pythons
	@$(BIN)/python -m tests

lint: setup  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/mypy --python-version 3.11 scripts/bundle
	@$(BIN)/lint-imports

fuzz: setup  ## send 100,000 hostile requests in process (FUZZ_REQUESTS=, FUZZ_SEED=); a 500 or a second of CPU fails
	@$(BIN)/python -m tests.fuzz $(FUZZ_REQUESTS:%=--requests %) $(FUZZ_SEED:%=--seed %) $(FUZZ_OPTIONS)

fuzz-layers: setup  ## try 300 sequences of package lists against uv (SEQUENCES=), kill a maker at each request, lose each blob, build every image with both makers
	@BOATYARD_SEQUENCES=$(or $(SEQUENCES),300) BOATYARD_FAULTS=1000 $(BIN)/pytest -q \
	  tests/layers/wheels/test_sequences.py tests/layers/test_other_machines.py
	@$(BIN)/python -m boatyard_local.engine ensure
	@BOATYARD_BOTH_MAKERS=1 $(BIN)/pytest -q tests/flyte/test_ways.py tests/flyte/test_differences.py

bench: setup  ## measure and write docs/benchmarks.md; one section alone: ONLY=builds, layers, answers, folders, cold-start, cold-start-gcp or cold-start-azure
	@case "$(ONLY)" in cold-start*) ;; *) $(BIN)/python -m boatyard_local.engine ensure;; esac
	@$(BIN)/python -m tests.bench $(ONLY:%=--only %) $(BENCH_OPTIONS)

bundle: setup  ## create a cloud's archives in .boatyard/bundles/, CLOUD=aws, gcp or azure, PYTHON_VERSION=3.13
	@$(BIN)/python scripts/bundle $(or $(CLOUD),aws) $(PYTHON_VERSION:%=--python %) $(BUNDLE_OPTIONS)

builder-image: setup  ## build and push the image of builds' jobs, CLOUD=aws, REPOSITORY=registry/repository
	@$(BIN)/python scripts/bundle/image.py $(or $(CLOUD),aws) $(if $(REPOSITORY),--repository '$(REPOSITORY)') $(IMAGE_OPTIONS)

lock: setup  ## resolve requirements/*.in into locks (hashes, no index addresses)
	@scripts/lock

clean:  ## stop this checkout's processes and remove .boatyard/ and .venv/
	@scripts/clean

setup:
	@scripts/setup
