# make demo   train a translator and a language model, translate, generate and score
# make test   the whole test suite
# make lint   ruff and mypy
# make soak   hostile input, kills and full disks: about half an hour, not part of `make test`

PYTHON ?= python3
BIN = .venv/bin
INSTALLED = .venv/installed
LINES = 'Friday, March 9, 2035' '3:45 PM' '$$1,204.50' '12 weeks'

.PHONY: demo test lint soak clean

demo: $(INSTALLED)
	$(BIN)/seqlstm train dates-en-de --run runs/demo-dates --overwrite
	$(BIN)/seqlstm evaluate runs/demo-dates
	printf '%s\n' $(LINES) | $(BIN)/seqlstm translate runs/demo-dates
	$(BIN)/seqlstm train python-docs --run runs/demo-docs --overwrite --minutes 1
	$(BIN)/seqlstm evaluate runs/demo-docs
	$(BIN)/seqlstm generate runs/demo-docs "Return the" --max-new-tokens 150 --seed 1

# One thread a process: the models are tiny, and threads that wait for each other cost more than they
# give. Each process has half of the tests in their order, so that neighbours share what was trained
# and compiled for them; whoever ends first takes some of the other's.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

soak: $(INSTALLED)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal tests/soak/*.py

# The versions that the tests and figures were made with.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv dist build
