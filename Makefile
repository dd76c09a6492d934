# Two commands do everything: `make run` and `make test`.

SHELL := /bin/bash -o pipefail

PYTHON ?= python3
VENV   ?= .venv
REPO   ?=
TASK   ?=
BIN    := $(VENV)/bin
# Both hold words of others: they are no text for make to expand, nor for the shell.
override REPO := $(value REPO)
override TASK := $(value TASK)
export REPO TASK

.PHONY: run test check test-live links clean
.PHONY: bench bench-blame bench-complete bench-edits bench-fusion bench-index bench-languages bench-overhead bench-pack bench-prefix bench-repair bench-retrieval

run: $(VENV)/.installed
	$(BIN)/agent model up
ifeq ($(strip $(REPO)),)
	$(BIN)/python tests/live/demo.py
else
	$(BIN)/agent run --repo "$$REPO" -- "$$TASK"
endif

test: $(VENV)/.dev
	$(BIN)/pytest -n logical --dist worksteal --durations 20

check: $(VENV)/.dev links test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python --stats | tee links/pyright.txt
	@! grep -q "No source files found" links/pyright.txt
	$(BIN)/lint-imports

test-live: $(VENV)/.dev
	$(BIN)/pytest tests/live -o addopts= -ra --import-mode=importlib -p no:cacheprovider --timeout=2400

# Those that need neither a model server nor repositories.
bench: $(VENV)/.dev bench-index
	for name in start sandbox edits; do $(BIN)/python tests/bench/bench_$$name.py || exit 1; done

FUZZ_EXAMPLES ?= 100000

bench-index: $(VENV)/.dev
	$(BIN)/python tests/bench/bench_index.py

# REPOSITORIES: a folder of clones, OWNER/NAME; tests/bench/retrieval/README.md says which.
bench-languages: $(VENV)/.dev
	$(BIN)/python tests/bench/languages/symbols.py "$(REPOSITORIES)"/*/*
	$(BIN)/python tests/bench/languages/imports.py "$(REPOSITORIES)"/*/*

bench-retrieval: $(VENV)/.dev
	$(BIN)/python tests/bench/retrieval/localise.py "$(REPOSITORIES)"
	PYTHONPATH=. $(BIN)/python tests/bench/retrieval/forms.py "$(REPOSITORIES)" --split report --most 15

bench-pack: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_pack.py

# For these the embedded model must be up: `agent model up`.
bench-prefix: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_prefix.py

bench-complete: $(VENV)/.dev
	$(BIN)/python tests/bench/bench_complete.py

bench-blame: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_blame.py

# REPOSITORIES as above; WORK takes trees, environments and outcomes; tests/bench/repair/README.md says more.
HALF ?= tune
SYSTEMS ?= moot,chat
bench-repair: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_repair.py "$(REPOSITORIES)" "$(WORK)" --half $(HALF) --systems $(SYSTEMS)

# Replays frozen answers of a model; tests/bench/fusion/README.md says how they came about.
bench-fusion: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_fusion.py

# Latency and tokens with and without fusion; KIND is text or patch, and the embedded model must be up.
KIND ?= text
bench-overhead: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/bench_overhead.py --kind $(KIND)

bench-edits: $(VENV)/.dev
	$(BIN)/python tests/bench/bench_edits.py
	MOOT_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest --timeout=0 tests/agent/edits/test_fuzz.py

# The type checker sees the packages under the names that they are imported by.
links:
	@mkdir -p links/moot
	@for part in agent prompts sandbox tools; do ln -sfn ../../$$part links/moot/$$part; done

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("moot needs Python 3.11 or newer: make PYTHON=python3.11 …") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[sandbox]"
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev,sandbox]"
	@touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) links build dist *.egg-info
