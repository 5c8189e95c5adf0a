# The menu: every recipe is one command that also works without make. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup sim sim-full soak waves verilog cycles test test-all bench bench-export \
  bench-speed bench-utilization bench-docs fpga fpga-table fpga-docs setup-fpga formal coverage \
  mutation faults equivalence trust-docs lint docs train workloads lock clean

PYTHON ?= python3
WEFT := .venv/bin/weft
VERIFY := PYTHONPATH=tb .venv/bin/python -m verify
READY := .venv/.ready
FPGA_READY := .venv/.ready-fpga
GIVEN = $(if $($(1)),--$(2) "$($(1))")
NETWORK = $(call GIVEN,LAYERS,layers) $(if $(filter-out 0,$(SCALE_SIM_ROUNDING)),--scale-sim-rounding)
SHAPE = $(call GIVEN,ROWS,rows) $(call GIVEN,COLUMNS,columns)
JOB = $(SHAPE) $(call GIVEN,M,m) $(call GIVEN,K,k) $(call GIVEN,N,n) $(call GIVEN,SEED,seed) \
  $(call GIVEN,SIM,simulator) $(call GIVEN,JSON,json) $(if $(filter-out 0,$(WAVES)),--waves) \
  $(if $(filter-out 0,$(GUI)),--gui)
PIN = .venv/bin/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
FILTER = $(or $(COCOTB_TEST_FILTER),$(COCOTB_TESTCASE),$(TESTCASE))
PYTEST = SEED="$(SEED)" SIM="$(SIM)" WEFT_WAVES="$(filter-out 0,$(WAVES))" \
  COCOTB_TEST_FILTER="$(FILTER)" .venv/bin/python -m pytest -n 2 $(if $(TEST),-k "$(TEST)")

help:  ## this list
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## /  \1 /p' Makefile | awk '{n=$$1; $$1=""; printf "  %-11s%s\n", n, $$0}'
	@sed -n 's/^## //p' Makefile

setup: $(READY)  ## make the virtual environment, from the lock file
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Weft needs Python 3.11 or newer: \`apt install python3 python3-venv\` (Debian, Ubuntu), \`dnf install python3\` (Fedora), \`brew install python@3.12\` (macOS)."; exit 1; }
	@$(PYTHON) sim/check_machine.py
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

setup-fpga: $(FPGA_READY)  ## add synthesis, place and route, and boards to it
$(FPGA_READY): requirements-fpga.lock $(READY)
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fpga.lock
	@touch $(FPGA_READY)

sim: $(READY)  ## run the handwritten digits on the RTL; with M K N: any matrix product
	@$(WEFT) sim $(JOB)

sim-full: $(READY)  ## run ResNet-50's products on 256 x 256 cells; WHOLE=1: every layer
	@$(WEFT) sim-full $(SHAPE) $(NETWORK) $(call GIVEN,SEED,seed) $(if $(filter-out 0,$(WHOLE)),--whole)

soak: $(READY)  ## check random units, products, stalls and resets for MINUTES
	@$(VERIFY) soak $(call GIVEN,MINUTES,minutes) $(call GIVEN,SEED,seed) $(if $(filter-out 0,$(RESUME)),--resume)

cycles: $(READY)  ## report the cycles of the layers in a topology file, LAYERS=FILE, as CSV
	@$(WEFT) cycles $(SHAPE) $(NETWORK)

waves: $(READY)  ## make a trace with its GTKWave and Surfer views; GUI=1 opens it
	@$(WEFT) waves $(SHAPE) $(call GIVEN,SEED,seed) $(call GIVEN,SIM,simulator) $(if $(filter-out 0,$(GUI)),--gui)

verilog: $(READY)  ## write the Verilog of a ROWS x COLUMNS unit to build/verilog
	@$(WEFT) verilog $(SHAPE)

test: $(FPGA_READY)  ## the tests
	@$(PYTEST) -m "not large"

test-all: $(FPGA_READY)  ## the tests and the large sizes, up to 64 x 64
	@$(PYTEST)

coverage: $(READY)  ## lines, toggles and situations that the benches reach; in build/coverage
	@$(VERIFY) coverage $(call GIVEN,SEED,seed)

bench: $(READY)  ## measure: emission, simulation speed, utilization; JSON in build/bench
	@$(WEFT) bench

bench-export bench-speed bench-utilization: bench-%: $(READY)  ## one of them
	@$(WEFT) bench $*

bench-docs: $(READY)  ## write docs/performance.md and its plots from build/bench
	@.venv/bin/python docs/make/make_performance.py

equivalence: $(READY)  ## compare simulators cycle by cycle, and the Verilog of each Python
	@$(VERIFY) equivalence $(call GIVEN,SEED,seed)

mutation: $(FPGA_READY)  ## change the RTL MUTANTS times; how often do the tests see it? resumes
	@$(VERIFY) mutation $(call GIVEN,MUTANTS,mutants) $(call GIVEN,SEED,seed) $(call GIVEN,SCHEDULER,scheduler) $(call GIVEN,WORKERS,workers)

fpga: $(FPGA_READY)  ## build the bitstream of a ROWS x COLUMNS unit for BOARD
	@$(WEFT) fpga $(call GIVEN,BOARD,board) $(SHAPE) $(call GIVEN,CLOCK,clock) $(call GIVEN,BAUD,baud) $(call GIVEN,SEED,seed)

fpga-table: $(FPGA_READY)  ## build sizes x boards x seeds, on SCHEDULER if given; resumes
	@$(WEFT) fpga-table $(call GIVEN,SCHEDULER,scheduler)

fpga-docs: $(FPGA_READY)  ## write the table of docs/fpga.md and its plot from build/fpga/table
	@.venv/bin/python docs/make/make_fpga.py

formal: $(READY)  ## prove the hardware right, and broken copies of it wrong
	@$(VERIFY) formal

faults: $(READY)  ## flip stored bits of small units, FAULTS in each class of registers
	@$(VERIFY) faults $(call GIVEN,FAULTS,faults) $(call GIVEN,SEED,seed)

trust-docs: $(READY)  ## write docs/trust.md and its appendix from the campaigns' reports
	@PYTHONPATH=tb .venv/bin/python docs/make/make_trust.py

lint: $(FPGA_READY)  ## ruff, pyright, and Verilator's lint of the Verilog
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/basedpyright && $(WEFT) lint

docs: $(READY)  ## make every figure and output in docs anew
	@.venv/bin/python docs/make/make_figures.py

train: $(READY)  ## train and quantize the digits classifier anew
	@.venv/bin/python -m weft_cli.train_digits

workloads: $(READY)  ## write the topology files of the networks anew
	@.venv/bin/python -m weft_cli.make_workloads

lock: $(READY)  ## pin the newest allowed versions in the lock files
	@$(PIN) --extra dev --extra fpga --upgrade -o requirements-fpga.lock
	@$(PIN) --extra dev --constraint requirements-fpga.lock -o requirements.lock

clean:  ## remove everything generated, but the virtual environment
	@rm -rf build dist .pytest_cache .ruff_cache

## Variables:
##   ROWS COLUMNS   shape of the array, 1 to 256 each (16, 16; waves: 4, 4)
##   M K N          make sim: a product of an M x K by a K x N matrix of random numbers
##   LAYERS=FILE    make cycles, make sim-full: a topology file of SCALE-Sim, or a network that
##                  comes with Weft (LAYERS=resnet50; an unknown name lists them)
##   SCALE_SIM_ROUNDING=1   the same: round output sizes up, as SCALE-Sim does, not down
##   MINUTES        make soak: how long (10)
##   RESUME=1       make soak: go on where the last one ended
##   FAULTS         make faults: flips in each class of registers of each unit (1000)
##   WHOLE=1        make sim-full: every layer, not each distinct shape once
##   BOARD          make fpga: ulx3s-85f (default), icebreaker, tang-nano-9k, arty-a7-35, arty-z7-20
##   CLOCK BAUD     make fpga: MHz, and bits a second of the serial line, if not the board's own
##   MUTANTS        make mutation: how many (600)
##   WORKERS        make mutation: processes on this machine (one for each core)
##   SCHEDULER      make fpga-table, make mutation: address of a Dask scheduler, tcp://host:8786
##   SIM            verilator (default), icarus or cxxrtl; in test: only that one
##   SEED           replays what a run printed
##   WAVES=1        make sim, make test: write a trace as well, on both simulators
##   GUI=1          make sim, make waves: open the trace in Surfer or GTKWave
##   JSON=FILE      make sim: write the report as JSON too
##   TEST           make test: run the tests whose names match (pytest -k)
##   TESTCASE, COCOTB_TEST_FILTER   make test: only these coroutines of a bench
