# `make run` and `make test` need Python 3.11+ and pip, nothing else installed by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `--without-pip` and `pip --python`: Debian ships `venv` without ensurepip.
PIP := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check install --quiet

.PHONY: run test sweep sweep-newest faults confirm test-unit test-project test-lowest test-dashboard test-clients test-spark test-superset lint docs bench bench-quick bench-spark sweep-spark clean

run: $(VENV)/.run
	$(BIN)/python examples/overview.py

# The workers must collect the same ids, and some of them contain sets. Half of the time is waiting: four tests at a
# time keep two cores busy. Hundreds of tests start a process, which must not compile the package each time.
PYTEST := PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist worksteal

test: lint
	$(PYTEST) --ignore=tests/project

test-unit: lint
	$(PYTEST) tests/unit

# Every line of the catalog, every table on the model server and the local AWS, every fault at every call, and every
# random query; `make test` takes a slice of each.
sweep: $(VENV)/.test
	SWEEP=1 $(PYTEST) tests/unit/resources tests/unit/aws/read/test_faults.py \
		tests/unit/aws/write/test_fault_sweep.py tests/corpus $(addprefix tests/independent/,test_every_table.py \
		test_every_batch.py test_every_table_on_local_aws.py test_every_table_on_moto.py \
		test_examples_of_aws.py test_fuzz.py test_write_round_trips.py test_cloud_control_round_trips.py test_deploy_faults.py \
		test_interleavings.py test_random_queries.py test_region_shapes.py test_round_trip.py \
		test_accelerated_queries.py)

# 10,000 faulty reads and writes against the emulator and against moto, 500 interrupts, 50 kills, and 2,000 statements in
# 64 threads, 10,000 malformed frames and two minutes of 64 clients of the server: some hours. `make test` takes a few of each.
faults: $(VENV)/.test
	FAULTS=10000 LOAD_SECONDS=120 $(BIN)/python -m pytest -q tests/independent/test_many_faults.py \
		tests/independent/test_postgres_faults.py

# Writes resources/aws/_confirmed.yaml, and shows the tables that moto does not confirm.
confirm: $(VENV)/.test
	$(BIN)/python tests/support/confirmations.py

# Loads every line with the newest botocore, which may be newer than pyproject.toml allows.
NEWEST := $(VENV)/newest
sweep-newest:
	$(PYTHON) -m venv --without-pip $(NEWEST)
	$(PYTHON) -m pip --python $(NEWEST)/bin/python --disable-pip-version-check install --quiet --editable '.[all]' pytest
	$(PYTHON) -m pip --python $(NEWEST)/bin/python --disable-pip-version-check install --quiet --upgrade boto3 botocore
	SWEEP=1 $(NEWEST)/bin/python -m pytest -q tests/unit/resources/test_shipped_lines.py

# Builds the wheel, starts many processes and reads moto: a third of all the time.
test-project: $(VENV)/.test
	$(PYTEST) tests/project

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A small part of the tests, on the lowest versions that pyproject.toml allows. The lines are of the pinned botocore: an
# older one lacks some of their operations, so the tests of every shipped table are left out.
LOWEST := $(VENV)/lowest
LOWEST_TESTS := $(addprefix tests/unit/,catalog sql/test_column_use.py duck/test_table_source.py sql/test_writes.py aws/transport \
	aws/read/test_economy.py frontends/templates frontends/cli/test_cli_usage.py)

test-lowest: $(LOWEST)/.done
	$(LOWEST)/bin/python -m pytest -q $(LOWEST_TESTS) --ignore=tests/unit/catalog/test_resource_files.py \
		--ignore=tests/unit/catalog/test_policy.py \
		--deselect=tests/unit/catalog/test_patterns.py::test_every_pattern_of_our_tables_can_be_compiled \
		--deselect='tests/unit/sql/test_column_use.py::test_a_column_that_is_only_shown_grouped_or_sorted_decides_nothing[TABLE aws.s.m]'

$(LOWEST)/.done: pyproject.toml
	$(PYTHON) -m venv --without-pip $(LOWEST)
	# Lower bounds as pins, and the pins of what the tests need.
	grep -oE '"[a-z0-9_]+(\[c\])?>=[0-9.]+|"(cryptography|hypothesis|pytest)==[0-9.]+' pyproject.toml \
		| sed -E 's/"|\[c\]//g; s/>=/==/' > $(LOWEST)/constraints.txt
	$(PYTHON) -m pip --python $(LOWEST)/bin/python --disable-pip-version-check install --quiet \
		--constraint $(LOWEST)/constraints.txt --editable '.[shell]' cryptography hypothesis pytest
	@touch $@

# The dashboard of the examples in a headless browser; Chromium comes from the system.
DASHBOARD := $(VENV)/dashboard
test-dashboard: $(DASHBOARD)/.done
	$(DASHBOARD)/bin/python -m pytest -q tests/independent/test_dashboard.py

$(DASHBOARD)/.done: pyproject.toml
	$(PYTHON) -m venv --without-pip $(DASHBOARD)
	$(PYTHON) -m pip --python $(DASHBOARD)/bin/python --disable-pip-version-check install --quiet \
		--editable '.[serve]' playwright==1.65.2 'psycopg[binary]==3.3.9' pytest==9.2.0 streamlit==1.67.0
	@touch $@

# Clients of `sqlprov serve` that would weigh too much beside the other tests, or need an older SQLAlchemy.
CLIENTS := $(VENV)/clients
test-clients: $(CLIENTS)/.done
	PATH="$(abspath $(CLIENTS)/bin):$$PATH" $(CLIENTS)/bin/python -m pytest -q -W ignore tests/independent/test_postgres_clients.py

$(CLIENTS)/.done: pyproject.toml
	$(PYTHON) -m venv --without-pip $(CLIENTS)
	$(PYTHON) -m pip --python $(CLIENTS)/bin/python --disable-pip-version-check install --quiet --editable '.[local,serve]' \
		adbc-driver-postgresql==1.13.0 connectorx==0.4.6 pandas==3.1.1 pg8000==1.31.6 pgcli==4.7.1 polars==2.1.0 \
		psycopg2-binary==2.9.13 pyodbc==5.5.0 pystackql==3.8.5 pytest==9.2.0 sqlalchemy==1.4.54
	@touch $@

# Spark, which needs Java 17 and has 450 MB, and Sail, which runs the same data source without either; not in CI.
SPARK := $(VENV)/spark
SAIL := $(VENV)/sail
test-spark: $(SPARK)/.done $(SAIL)/.done
	$(SPARK)/bin/python -m pytest -q -W ignore tests/independent/test_spark.py tests/independent/test_spark_engine.py
	$(SAIL)/bin/python -m pytest -q -W ignore tests/independent/test_spark.py tests/independent/test_spark_engine.py

# Less than ten minutes on a quiet machine; prints a table for docs/performance.md.
bench-spark: $(SPARK)/.done $(SAIL)/.done
	$(SPARK)/bin/python -m benchmarks.spark --sail $(SAIL)/bin/python

# A thousand accounts in 30 regions, each place once: some minutes.
sweep-spark: $(SPARK)/.done $(SAIL)/.done
	ACCOUNTS=1000 $(SPARK)/bin/python -m pytest -q -s -W ignore tests/independent/test_spark.py -k many_accounts
	ACCOUNTS=1000 $(SAIL)/bin/python -m pytest -q -s -W ignore tests/independent/test_spark.py -k many_accounts

$(SPARK)/.done: pyproject.toml
	$(PYTHON) -m venv --without-pip $(SPARK)
	$(PYTHON) -m pip --python $(SPARK)/bin/python --disable-pip-version-check install --quiet --editable '.[local]' \
		'pandas<3' pyspark==4.3.0 pytest==9.2.0
	@touch $@

$(SAIL)/.done: pyproject.toml
	$(PYTHON) -m venv --without-pip $(SAIL)
	$(PYTHON) -m pip --python $(SAIL)/bin/python --disable-pip-version-check install --quiet --editable '.[local]' \
		'pandas<3' pysail==0.7.2 'pyspark-client==4.1.*' pytest==9.2.0
	@touch $@

# A gigabyte, some minutes, and not in CI. The last four are what Superset 6.1 forgets to require, or takes too new.
SUPERSET := $(VENV)/superset
test-superset: $(DASHBOARD)/.done $(SUPERSET)/.done
	SUPERSET=$(abspath $(SUPERSET)/bin/superset) $(DASHBOARD)/bin/python -m pytest -q tests/independent/test_superset.py

$(SUPERSET)/.done:
	$(PYTHON) -m venv --without-pip $(SUPERSET)
	$(PYTHON) -m pip --python $(SUPERSET)/bin/python --disable-pip-version-check install --quiet apache-superset==6.1.0 \
		psycopg2-binary==2.9.13 cachetools rich 'cachelib<0.14' 'flask-caching<2.4'
	@touch $@

docs: $(VENV)/.test
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/screens.py
	$(BIN)/python tests/support/doc_blocks.py
	$(BIN)/python tests/support/run_notebooks.py

# About a quarter of an hour; writes benchmarks/results.json, docs/benchmarks.png and the table of docs/performance.md.
bench: $(VENV)/.test
	$(BIN)/python -m benchmarks
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/screens.py

bench-quick: $(VENV)/.test
	$(BIN)/python -m benchmarks --scale quick

$(BIN)/python:
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.run: pyproject.toml | $(BIN)/python
	$(PIP) pip --editable '.[all]'   # pip, for what the pages install further
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[all,test,bench]'
	@touch $@

clean:
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache
