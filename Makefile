# RetroVue. `make demo` puts a station on the air; `make test` proves it. Both do all the set-up themselves.
# Needs: make, and Python 3.11 or newer with venv. ffmpeg comes with the dependencies where the system has none.

PYTHON  ?=
STATION ?= stations/demo
SERVE   ?=
# Two test processes more than there are processors: those that watch a running station mostly wait.
PYTEST  ?= -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
UPGRADE ?=

BIN      := .venv/bin
RETROVUE := $(BIN)/retrovue
STAMP    := .venv/.setup

.DELETE_ON_ERROR:
.PHONY: help setup demo test lint lock clean distclean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo "  Variables: PYTHON=python3.12  STATION=stations/demo  SERVE='--http-port 8090'  PYTEST='-n 4'"

setup: $(STAMP) ## build .venv with everything in it (does nothing when it is current)

# A virtual environment remembers its absolute path and its Python: one that was moved, or whose Python has gone,
# is built anew. The stamp is written last, so that an interrupted set-up is taken up again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif
$(STAMP): requirements.lock pyproject.toml
	@if ! grep -qsF '$(CURDIR)/.venv' $(BIN)/activate || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11) none; do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	  done; \
	  if test "$$python" = none; then \
	    echo "RetroVue needs Python 3.11 or newer, and $(or $(PYTHON),python3) is not." >&2; \
	    echo "  Name another one: make PYTHON=/path/to/python3.12 $(or $(MAKECMDGOALS),setup)" >&2; exit 1; \
	  fi; \
	  if ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
	    echo "$$python can't make virtual environments." >&2; \
	    echo "  Debian, Ubuntu: sudo apt install python3-venv" >&2; exit 1; \
	  fi; \
	  echo "setting up .venv with $$("$$python" --version) (once; about a minute)"; \
	  "$$python" -m venv --clear .venv; \
	fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@printf '%s\n' "$(CURDIR)" > $(STAMP)

demo: setup ## generate the demo station's media and put it on the air
	$(RETROVUE) demo-media
	$(RETROVUE) ingest $(STATION)
	$(RETROVUE) compile $(STATION)
	$(RETROVUE) serve $(STATION) $(SERVE)

test: setup lint ## lint, then every test
	$(BIN)/python -m pytest $(PYTEST)

lint: setup ## style, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# uv resolves for every platform at once; no index is written down, so pip's own configuration decides.
lock: ## pin the dependencies anew (UPGRADE=--upgrade takes newer ones)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	python3 -m venv "$$tools" && "$$tools/bin/python" -m pip install --quiet uv && \
	"$$tools/bin/uv" pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --quiet $(UPGRADE) \
	  --output-file requirements.lock

clean: ## remove caches and build output
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## also remove .venv and the generated media
	rm -rf .venv stations/demo/media
