# The menu: every recipe is one command that also works without make. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup setup-fast setup-fpga setup-judges sim sim-formats sim-full soak core-soak waves verilog \
  cycles test-quick test test-all bench bench-export bench-speed bench-formats bench-utilization \
  bench-core bench-core-convolution bench-core-resnet bench-core-attention bench-core-applications \
  bench-core-speed bench-core-docs goals bench-docs fpga fpga-table fpga-docs format-costs formal floats \
  coverage mutation faults equivalence trust-docs lint docs train workloads lock clean clean-cache

PYTHON ?= python3
WEFT := .venv/bin/weft
VERIFY := PYTHONPATH=tb .venv/bin/python -m verify
READY := .venv/.ready
FAST_READY := .venv/.ready-fast
FPGA_READY := .venv/.ready-fpga
JUDGES_READY := .venv/.ready-judges
PIP := .venv/bin/pip install --disable-pip-version-check
# Zig builds its own C++ library at its first use.
ADD_COMPILER = echo "Adding Zig's C++ compiler to .venv: 1 to 2 minutes, 100 MB to download" && \
  $(PIP) --require-hashes -r requirements-fast.lock && CXX=zig $(WEFT) compiler
PIN = .venv/bin/python -m uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

# The variables of each target. A variable sets the option of the same name of the target's command:
# ROWS=4 is --rows 4, and the switch STALLS=1 is --stalls.
UNIT := ROWS COLUMNS ACTIVATION WEIGHT CELL_WIDTH ZERO_POINTS ACCUMULATOR_WIDTH ACCUMULATOR_DEPTH \
  MULTIPLIER_STAGES ADDER_STAGES INNER_PRODUCT SOFT_COLUMNS RESULT CHECKSUM
# Switches of the unit, which a board may have on.
UNIT_SWITCHES := ZERO_POINTS CHECKSUM
SWITCHES := $(UNIT_SWITCHES) STALLS FLOAT_MODEL WAVES GUI WHOLE SCALE_SIM_ROUNDING RESUME TESTBENCH
TAKES_sim := CORE M K N $(UNIT) SEED SIM STALLS FLOAT_MODEL WAVES GUI JSON
TAKES_sim-formats := SIZES FLOAT_MODEL SEED
TAKES_sim-full := LAYERS SCALE_SIM_ROUNDING WHOLE $(UNIT) SEED
TAKES_waves := $(UNIT) SEED SIM GUI
TAKES_verilog := CORE $(UNIT) NAME DIRECTORY TESTBENCH
TAKES_cycles := LAYERS SCALE_SIM_ROUNDING $(UNIT) FORMAT OUTPUT
TAKES_fpga := BOARD CORE $(UNIT) CLOCK BAUD SEED DIRECTORY
TAKES_fpga-table := SCHEDULER
TAKES_soak := MINUTES CASES SEED PROCESSES REPORT RESUME REPLAY
TAKES_core-soak := MINUTES CASES SEED PROCESSES REPORT REPLAY
TAKES_coverage := SEED WORKERS
TAKES_equivalence := SEED
TAKES_mutation := MUTANTS SEED SCHEDULER WORKERS
TAKES_faults := FAULTS SEED
TAKES_floats := VECTORS SEED
TAKES_test := TEST TESTCASE COCOTB_TESTCASE COCOTB_TEST_FILTER SEED SIM WAVES
TAKES_test-quick := $(TAKES_test)
TAKES_test-all := $(TAKES_test)

# Systems set these two for their own purposes, so only make's command line sets them here.
$(foreach v,COLUMNS NAME,$(if $(findstring environment,$(origin $(v))),$(eval $(v) :=)))
# To a program, COLUMNS is the width of the terminal.
unexport COLUMNS

# Refuse a variable that no goal takes before any work starts. Variables that an enclosing make
# passes on are not checked.
TARGETS := $(patsubst TAKES_%,%,$(filter TAKES_%,$(.VARIABLES)))
GOALS := $(or $(MAKECMDGOALS),help)
TAKEN := $(foreach goal,$(GOALS),$(TAKES_$(goal)))
KNOWN := $(sort $(foreach target,$(TARGETS),$(TAKES_$(target))))
OTHERS := PYTHON WEFT_BUILD WEFT_CACHE WEFT_NO_SKIP SHELL MAKEFLAGS CC CXX AR CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
GIVEN := $(foreach v,$(.VARIABLES),$(if $(findstring command,$(origin $(v))),$(v)))
REFUSED := $(if $(filter 0,$(MAKELEVEL)),$(firstword $(filter-out $(TAKEN) $(OTHERS),$(GIVEN))))
ifneq ($(REFUSED),)
SENTENCE := $(shell $(PYTHON) sim/check_variables.py '$(REFUSED)' '$(GOALS)' '$(TAKEN)' '$(KNOWN)')
$(error $(or $(SENTENCE),no target of this call takes $(REFUSED); `make help` lists the variables))
endif

on = $(filter-out 0 no off false,$($(1)))
name = $(if $(filter SIM,$(1)),simulator,$(shell echo $(1) | tr A-Z_ a-z-))
switch = $(if $(call on,$(1)),--$(name),$(if $(filter $(1),$(UNIT_SWITCHES)),--no-$(name)))
value = --$(name) '$(subst ','\'',$($(1)))'
option = $(if $($(1)),$(if $(filter $(1),$(SWITCHES)),$(switch),$(value)))
OPTIONS = $(strip $(foreach v,$(TAKES_$@),$(call option,$(v))))
FILTER = $(or $(COCOTB_TEST_FILTER),$(COCOTB_TESTCASE),$(TESTCASE))
PYTEST = SEED="$(SEED)" SIM="$(SIM)" WEFT_WAVES="$(call on,WAVES)" \
  COCOTB_TEST_FILTER="$(FILTER)" .venv/bin/python -m pytest -n 2 --dist worksteal $(if $(TEST),-k "$(TEST)")

help:  ## list the targets and the variables
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z][a-z -]*:.*## / { printf "  %-13s  %s\n", $$1, $$2 }' Makefile
	@sed -n 's/^## //p' Makefile

setup: $(READY)  ## create the virtual environment from the lock file
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Weft needs Python 3.11 or newer: \`apt install python3 python3-venv\` (Debian, Ubuntu), \`dnf install python3\` (Fedora), \`brew install python@3.12\` (macOS)."; exit 1; }
	@$(PYTHON) sim/check_machine.py
	@echo "Installing the environment to .venv: 1 to 3 minutes, about 250 MB to download"
	@$(PYTHON) -m venv .venv
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --quiet --no-deps --no-build-isolation --editable .
	@command -v c++ >/dev/null || command -v g++ >/dev/null || { echo "This machine has no C++ compiler, so make adds one."; $(ADD_COMPILER); }
	@touch $(READY)

setup-fast: $(FAST_READY)  ## add Zig's C++ compiler to .venv: simulations run two to four times as fast
$(FAST_READY): requirements-fast.lock $(READY)
	@$(ADD_COMPILER)
	@touch $(FAST_READY)

setup-fpga: $(FPGA_READY)  ## add the tools for synthesis, place and route, and boards
$(FPGA_READY): requirements-fpga.lock $(READY)
	@echo "Adding the FPGA tools to .venv: about 1 minute, 140 MB to download"
	@$(PIP) --require-hashes -r requirements-fpga.lock
	@touch $(FPGA_READY)

setup-judges: $(JUDGES_READY)  ## add LiteRT and onnxruntime, against which the tests compare programs
$(JUDGES_READY): requirements-judges.lock $(READY)
	@echo "Adding LiteRT and onnxruntime to .venv: half a minute, 50 MB to download"
	@$(PIP) --require-hashes -r requirements-judges.lock
	@touch $(JUDGES_READY)

sim: $(READY)  ## run the handwritten digits on the RTL of a core; with M, K and N, a product on a matrix unit
	@$(WEFT) sim $(OPTIONS)

sim-full: $(READY)  ## run the matrix products of ResNet-50 on 256 x 256 cells; WHOLE=1 runs every layer
	@$(WEFT) sim-full $(OPTIONS)

sim-formats: $(READY)  ## run a product of every number format on arrays of SIZES
	@$(WEFT) sim-formats $(OPTIONS)

soak: $(READY)  ## check random units, products, stalls and resets for MINUTES minutes
	@$(VERIFY) soak $(OPTIONS)

core-soak: $(READY)  ## check random programs on cores, with aborts and damage, for MINUTES minutes
	@$(VERIFY) core-soak $(OPTIONS)

cycles: $(READY)  ## report the cycles of the layers in a topology file, LAYERS=FILE, as CSV
	@$(WEFT) cycles $(OPTIONS)

waves: $(READY)  ## make a trace with its GTKWave and Surfer views; GUI=1 opens it
	@$(WEFT) waves $(OPTIONS)

verilog: $(READY)  ## write the Verilog of a ROWS x COLUMNS unit, or of a CORE, to build/verilog
	@$(WEFT) verilog $(OPTIONS)

test-quick: $(READY)  ## run a few tests, in under two minutes, to check the installation
	@$(PYTEST) -m quick

test: $(FPGA_READY) $(FAST_READY) $(JUDGES_READY)  ## run the tests
	@$(PYTEST) -m "not large"

test-all: $(FPGA_READY) $(FAST_READY) $(JUDGES_READY)  ## run the tests and the large sizes, up to 64 x 64
	@$(PYTEST)

coverage: $(READY)  ## measure the lines, toggles and situations that the benches reach
	@$(VERIFY) coverage $(OPTIONS)

bench: $(READY)  ## measure emission, simulation speed and utilization; JSON in build/benchmark
	@$(WEFT) benchmark

bench-export bench-speed bench-formats bench-utilization: bench-%: $(READY)  ## run one benchmark
	@$(WEFT) benchmark $*

bench-core: $(FAST_READY)  ## measure the figures of a core; JSON in build/benchmark
	@$(WEFT) benchmark core

bench-core-convolution bench-core-resnet bench-core-attention bench-core-applications bench-core-speed: bench-core-%: $(FAST_READY)  ## measure one figure of a core
	@$(WEFT) benchmark core-$*

bench-core-docs: $(READY)  ## write docs/core_performance.md from build/benchmark
	@.venv/bin/python docs/make/make_core_performance.py

goals: $(FAST_READY)  ## measure every goal of docs/performance.md; fail if one is lost
	@$(WEFT) goals

bench-docs: $(READY)  ## write docs/performance.md and its plots from build/benchmark
	@.venv/bin/python docs/make/make_performance.py

equivalence: $(READY)  ## compare simulators cycle by cycle, and the Verilog of all Pythons
	@$(VERIFY) equivalence $(OPTIONS)

mutation: $(FPGA_READY)  ## measure how many of MUTANTS small changes of the RTL the tests detect; resumes
	@$(VERIFY) mutation $(OPTIONS)

fpga: $(FPGA_READY)  ## build the bitstream of a ROWS x COLUMNS unit, or of a CORE, for BOARD
	@$(WEFT) fpga $(OPTIONS)

fpga-table: $(FPGA_READY)  ## build each size for each board with each seed, on SCHEDULER if given; resumes
	@$(WEFT) fpga-table $(OPTIONS)

fpga-docs: $(FPGA_READY)  ## write the table of docs/fpga.md and its plot from build/fpga/table
	@.venv/bin/python docs/make/make_fpga.py

format-costs: $(FPGA_READY)  ## write the costs of int4 at the double rate and of MX to docs/formats.md
	@.venv/bin/python docs/make/make_format_costs.py

formal: $(READY)  ## prove properties of the hardware, and check that they fail on broken copies
	@$(VERIFY) formal

faults: $(READY)  ## flip FAULTS stored bits of small units in each class of registers
	@$(VERIFY) faults $(OPTIONS)

floats: $(READY)  ## compare VECTORS sums of products of each float format in the RTL with numpy
	@$(VERIFY) floats $(OPTIONS)

trust-docs: $(READY)  ## write docs/trust.md and its appendix from the reports of the campaigns
	@PYTHONPATH=tb .venv/bin/python docs/make/make_trust.py

lint: $(FPGA_READY)  ## check the Python with ruff and pyright, and the Verilog with Verilator
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/basedpyright && $(WEFT) lint

docs: $(READY)  ## regenerate every figure and output in docs
	@.venv/bin/python docs/make/make_figures.py

train: $(READY)  ## train and quantize the digits classifier again
	@.venv/bin/python -m weft_cli.train_digits

workloads: $(READY)  ## regenerate the topology files of the networks
	@.venv/bin/python -m weft_cli.make_workloads

lock: $(READY)  ## pin the newest allowed versions in the lock files
	@$(PIN) --extra dev --extra fpga --upgrade -o requirements-fpga.lock
	@$(PIN) --extra dev --constraint requirements-fpga.lock -o requirements.lock
	@$(PIN) --extra fast --constraint requirements-fpga.lock -o requirements-fast.lock
	@$(PIN) --extra judges --constraint requirements-fpga.lock -o requirements-judges.lock

clean:  ## remove generated files; keep the virtual environment and the cached builds
	@rm -rf build dist .pytest_cache .ruff_cache
	@test ! -x $(WEFT) || { $(WEFT) cache && echo '`make clean-cache` removes these builds'; }

clean-cache: $(READY)  ## remove the cached builds, which all checkouts of a user share
	@$(WEFT) cache --clear

## Variables, for example `make sim ROWS=8 COLUMNS=8`:
##   ROWS COLUMNS   all targets with a unit: shape of the array, 1 to 256 each
##   ACTIVATION WEIGHT CELL_WIDTH ZERO_POINTS=1 ACCUMULATOR_WIDTH ACCUMULATOR_DEPTH
##   MULTIPLIER_STAGES ADDER_STAGES INNER_PRODUCT SOFT_COLUMNS RESULT CHECKSUM=1
##                  the other parameters of the unit; `.venv/bin/weft sim --help` explains them
##   CORE           sim, verilog: tiny, ulx3s, small or tpu_v1, instead of a bare matrix unit
##   M K N          sim: multiply a random M x K matrix by a random K x N matrix
##   STALLS=1       sim: random gaps and back-pressure on all streams
##   FLOAT_MODEL=1  sim, sim-formats: compute cells of bfloat16 in C++ instead of their RTL,
##                  which is faster
##   SIZES          sim-formats: the arrays, 1x1,3x5,16x16,64x64 if none are given
##   WAVES=1        sim, all tests: also write a trace
##   GUI=1          sim, waves: open the trace in Surfer or GTKWave
##   JSON=FILE      sim: also write the report as JSON
##   SIM            sim, waves: verilator (default), icarus or cxxrtl; all tests: only this one
##   SEED           replays a run that printed its seed
##   LAYERS=FILE    sim-full, cycles: a topology file of SCALE-Sim, or a network that is part of
##                  Weft (LAYERS=resnet50; an unknown name lists them)
##   SCALE_SIM_ROUNDING=1
##                  sim-full, cycles: round output sizes up, as SCALE-Sim does, not down
##   WHOLE=1        sim-full: every layer, instead of each distinct shape once
##   FORMAT OUTPUT  cycles: csv (default) or json; the file to write
##   TESTBENCH=1    verilog: also write a testbench in plain Verilog
##   NAME           verilog: name of the module and of the file
##   DIRECTORY      verilog, fpga: folder to write to
##   BOARD          fpga: one of the boards that `.venv/bin/weft fpga --help` lists
##   CORE           fpga: build this core (ulx3s), with a memory, around the matrix unit
##   CLOCK BAUD     fpga: MHz of the clock, and baud rate of the serial line
##   VECTORS        floats: number of sums (10,000,000)
##   SCHEDULER      fpga-table, mutation: address of a Dask scheduler, tcp://host:8786
##   MINUTES CASES  soak, core-soak: duration (10), and maximum number of cases
##   PROCESSES      soak, core-soak: number of parallel processes (one per core)
##   REPORT REPLAY  soak, core-soak: file of the report; a case to check again
##   RESUME=1       soak: continue the soak of the report
##   FAULTS         faults: flips in each class of registers of each unit (1000)
##   MUTANTS        mutation: number of mutants (600)
##   WORKERS        coverage, mutation: number of local processes
##   TEST           all tests: run only those whose names match (pytest -k)
##   TESTCASE COCOTB_TESTCASE COCOTB_TEST_FILTER
##                  all tests: run only the coroutines whose names match
##   WEFT_CACHE     folder of the cached builds (~/.cache/weft)
##   WEFT_BUILD     folder of all other generated files (build)
##   PYTHON         setup: the Python of the virtual environment (python3)
