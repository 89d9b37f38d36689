# The project's commands. `make demo` and `make test` do all their own set-up on a bare Debian 12.
# deploy/setup installs missing Debian packages when run as root, else prints the command that does.

VENV := .venv
BIN := $(VENV)/bin
RUST_SOURCES := Cargo.toml $(shell find rust -name '*.rs')

.PHONY: help build demo test test-quick faults lint format bench clean

help:
	@echo "make build       the virtual environment .venv with the release build and .venv/bin/dromon"
	@echo "make demo        a cluster with the talk's examples, from nothing"
	@echo "make test        every test: unit, store, parity, integration, end to end"
	@echo "make test-quick  only those that need neither root nor Docker: unit, store, parity"
	@echo "make faults      the fault tests in their long form: kill -9, failing disks, etcd members taken away"
	@echo "make lint        ruff, mypy strict, import-linter, clippy, rustfmt"
	@echo "make bench       the benchmarks; figures go to bench/results/"
	@echo "make format      format the Python and Rust sources"
	@echo "make clean       remove everything that was built"

build: $(VENV)/.built

# One stamp for the environment (dependencies) and one for the build (sources).
$(VENV)/.deps: pyproject.toml deploy/setup deploy/venv
	@deploy/setup build
	@deploy/venv $(VENV)
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST_SOURCES) pyproject.toml
	@echo "==> building the Rust extension (release)"
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) PIP_QUIET=1 $(BIN)/maturin develop --release --quiet
	@touch $@

demo: build
	@deploy/setup demo
	@deploy/demo/run

test: build
	@deploy/setup test
	@deploy/test

test-quick: build
	@$(BIN)/pytest tests/unit tests/store tests/parity -q

# Prints what each test saw as one line of JSON; about six minutes. `make test` has the short form.
faults: build
	@DROMON_FAULTS=long $(BIN)/pytest tests/faults -v -s --no-header

lint: build
	@$(BIN)/ruff check python tests bench
	@$(BIN)/ruff format --check python tests bench
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@PYO3_PYTHON=$(CURDIR)/$(BIN)/python cargo clippy --quiet --all-targets --features python -- -D warnings
	@cargo fmt --check

format: build
	@$(BIN)/ruff check --fix-only -q python tests bench
	@$(BIN)/ruff format -q python tests bench
	@cargo fmt

bench: build
	@$(BIN)/python bench/run.py

clean:
	rm -rf $(VENV) target .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
