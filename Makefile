# make dashboard [PORT=8501] [WORKSPACE=workspace]   install what it needs, serve the dashboard on localhost
# make test                                          install what it needs, then lint, types and every test
# make check                                         lint and types only
# make bench                                         measure how fast it learns, beside d3rlpy as well (ten minutes)
# make dataset                                       make the bundled dataset again (about half an hour)

SHELL := bash
PORT ?= 8501
WORKSPACE ?= workspace

export DSRL_SUPPRESS_IMPORT_ERROR := 1
# pip and uv read different variables; wheels that lie on this machine for pip serve uv too.
ifndef UV_FIND_LINKS
ifdef PIP_FIND_LINKS
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
endif
endif

UV := $(or $(shell command -v uv),.uv/bin/uv)
SYNC := $(UV) sync --quiet --python 3.11 --inexact

.PHONY: dashboard test check bench dataset chromium

dashboard: .venv/app.stamp
	SAFEMIL_WORKSPACE="$(WORKSPACE)" .venv/bin/streamlit run dashboard/app.py --server.port "$(PORT)"

test: check chromium
	.venv/bin/pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/dev.stamp
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

bench: .venv/app.stamp .venv-d3rlpy/app.stamp
	.venv/bin/safemil bench --d3rlpy .venv-d3rlpy/bin/python $(BENCH)

dataset: .venv/dev.stamp
	.venv/bin/python assets/make_car_circle.py --out assets/car_circle.hdf5

.venv/app.stamp: pyproject.toml | $(UV)
	$(SYNC) --no-dev
	@touch $@

.venv/dev.stamp: pyproject.toml | $(UV)
	$(SYNC)
	@touch .venv/app.stamp $@

# d3rlpy needs the old gym, which our settings of uv, here not to be heard, keep out of everything.
.venv-d3rlpy/app.stamp: pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python 3.11 .venv-d3rlpy
	$(UV) pip install --quiet --no-config --python .venv-d3rlpy/bin/python d3rlpy==2.8.1 torch==2.13.0
	@touch $@

.uv/bin/uv:
	@python3 -m pip --version >/dev/null 2>&1 || python3 -m ensurepip --user >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -y -qq python3-pip >/dev/null; } \
	  || { echo "pip is missing: install it (Debian: apt-get install python3-pip) and run make again" >&2; exit 1; }
	python3 -m pip install --quiet --target .uv uv

# The browser of the tests: the one that is there, else Debian's, else Playwright's own download.
chromium: .venv/dev.stamp
	@.venv/bin/python tests/browser/chromium.py >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	  || .venv/bin/playwright install chromium || true
	@.venv/bin/python tests/browser/chromium.py >/dev/null
