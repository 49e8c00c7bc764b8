# The words that README and CI use. Each installs what a fresh Debian or Ubuntu machine with Rust lacks.
.DELETE_ON_ERROR:
.PHONY: demo test neon test-arm cross deb test-vm fuzz bench bench-delivery crash-test soak infra fleet

# Arguments for `make demo`: --json, --frames DIR, --seconds N; for `make bench`: --quick, --models DIR.
ARGS ?=

demo: ## Items pass, a model finds defects, reports survive, a mail arrives: the whole chain on this machine.
	@local/prerequisites.sh build
	@cargo build --quiet --locked --profile $(PROFILE) --package andon-demo --package defect-mailer
	@$(TARGET)/$(PROFILE_DIR)/andon-demo $(ARGS)

TARGET = $(or $(CARGO_TARGET_DIR),target)
PROFILE ?= release
PROFILE_DIR = $(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

test: ## Everything that CI runs: format, lints, licences, all tests.
	@local/prerequisites.sh build test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	local/deny.sh
	local/iothub-standin/tests/sdk/install.sh $(TARGET)/sdk
	azure/defect-mailer/tests/azurite/install.sh $(TARGET)/azurite
	azure/defect-mailer/tests/postfix/install.sh $(TARGET)/postfix
	local/venv.sh smtp azure/defect-mailer/tests/smtp/requirements.txt
	local/venv.sh modbus tests/modbus/requirements.txt
	local/venv.sh onnxruntime tests/onnxruntime/requirements.txt
	cargo test --workspace --locked --no-fail-fast
	cargo test --package andon --features onnxruntime,websocket --locked --lib --test scenarios -- \
		network::onnxruntime websocket
	@if [ -d ../shared/models ]; then cargo test --package andon --locked --lib network::tests::shared -- --ignored; \
	else echo "not tested: the models of other projects, which would be in ../shared/models"; fi

neon: ## The convolutions' kernels for ARM, under emulation: installs a cross compiler, so not a part of `test`.
	@local/prerequisites.sh build
	local/aarch64.sh test --release --package convolution --lib --test plain_loops

test-arm: ## The agent's own tests on 64-bit ARM, in an emulated Cortex-A72; makes the machine of `test-vm`.
	@local/prerequisites.sh build deb
	tests/vm/image.sh arm64 $(TARGET)/vm/arm64
	local/aarch64.sh test --release --locked --package andon --lib --no-run 2>&1 | tee /dev/stderr \
		| sed -n 's/.*Executable.*(\(.*\)).*/\1/p' \
		| xargs tests/vm/own_tests.sh arm64 $(TARGET)/vm/arm64 $(TARGET)/vm/own-arm64

# What `make cross` and `make deb` build: dist is small and fast, release is ready in a third of the time.
PACK ?= dist
# Cargo features of what they build: websocket, onnxruntime.
FEATURES ?=
ARCHITECTURE ?= amd64

cross: ## The agent for 64-bit ARM, with Debian's packages only: target/aarch64-unknown-linux-gnu.
	@local/prerequisites.sh build
	local/aarch64.sh build --locked --package andon --profile $(PACK) $(if $(FEATURES),--features $(FEATURES))

deb: ## A Debian package in target/debian, for amd64 or with ARCHITECTURE=arm64.
	@local/prerequisites.sh build deb
ifeq ($(ARCHITECTURE),arm64)
	local/aarch64.sh build --locked --package andon --profile $(PACK) $(if $(FEATURES),--features $(FEATURES))
else
	cargo build --locked --package andon --profile $(PACK) $(if $(FEATURES),--features $(FEATURES))
endif
	local/deb.sh $(ARCHITECTURE) $(PACK) $(TARGET)/debian
	lintian --fail-on error,warning $(TARGET)/debian/andon_*_$(ARCHITECTURE).deb

infra: ## The Bicep files: syntax, names of properties, practices. Installs 400 MB, so not a part of `test`.
	@local/prerequisites.sh build test
	azure/infra/tests/check.sh $(TARGET)/infra

# Every fault that a machine can show, in a virtual one, which takes root once to make its image.
test-vm: BUILT = $(TARGET)/$(if $(filter arm64,$(ARCHITECTURE)),aarch64-unknown-linux-gnu/)$(PROFILE_DIR)
test-vm: DEB = $(TARGET)/vm/deb-$(ARCHITECTURE)
test-vm: ## The package in a virtual machine, from installation to purge; ARCHITECTURE=arm64 for an emulated Cortex-A72.
	@local/prerequisites.sh build deb
	$(if $(filter arm64,$(ARCHITECTURE)),local/aarch64.sh,cargo) build --locked --package andon --package iothub-standin \
		--profile $(PROFILE)
	tests/vm/image.sh $(ARCHITECTURE) $(TARGET)/vm/$(ARCHITECTURE)
	rm -rf $(DEB)
	local/deb.sh $(ARCHITECTURE) $(PROFILE) $(DEB) 1.0.0-1
	local/deb.sh $(ARCHITECTURE) $(PROFILE) $(DEB) 1.0.0-2
	ARCHITECTURE=$(ARCHITECTURE) tests/vm/test.sh $(TARGET)/vm/$(ARCHITECTURE) \
		$(DEB)/andon_1.0.0-1_$(ARCHITECTURE).deb $(DEB)/andon_1.0.0-2_$(ARCHITECTURE).deb \
		$(BUILT)/iothub-standin $(TARGET)/vm/work-$(ARCHITECTURE)

bench: ## andon beside what people would use otherwise, on one core: a table in target/bench/bench.md.
	@local/prerequisites.sh build bench
	@cargo build --quiet --locked --release --package andon --package iothub-standin
	@tests/bench/install.sh
	@$(TARGET)/bench-venv/bin/python -B tests/bench/compare.py --andon $(TARGET)/release/andon \
		--standin $(TARGET)/release/iothub-standin --out $(TARGET)/bench $(ARGS)
	@cargo build --quiet --locked --release --package defect-mailer
	@python3 azure/defect-mailer/tests/bench/mailer.py $(TARGET)/release/defect-mailer | tee -a $(TARGET)/bench/bench.md
	$(MAKE) bench-delivery

bench-delivery: ## The part of `bench` that needs no model: outbox and session, beside Microsoft's SDK for Python.
	@local/prerequisites.sh build bench
	@cargo build --quiet --locked --release --package iothub-standin
	@cargo build --quiet --locked --release --package andon --example delivery
	@local/venv.sh azure local/iothub-standin/tests/sdk/requirements.txt
	@$(TARGET)/azure-venv/bin/python -B tests/bench/delivery.py --delivery $(TARGET)/release/examples/delivery \
		--standin $(TARGET)/release/iothub-standin --out $(TARGET)/bench $(filter --quick,$(ARGS))

fleet: ## Stations, hub, mailer and mails on this machine, as many as ARGS says: `make fleet ARGS='--stations 1000'`.
	@local/prerequisites.sh build
	@cargo build --quiet --locked --profile $(PROFILE) --package andon-fleet --package defect-mailer
	@ulimit -n "$$(ulimit -H -n)" && $(TARGET)/$(PROFILE_DIR)/andon-fleet $(ARGS)

# How long `make fuzz` runs each target.
SECONDS ?= 60

fuzz: ## Look for manifests, pictures, answers, graphs and letters of the hub that end the agent or make it say nonsense.
	@local/prerequisites.sh build
	local/fuzz.sh $(SECONDS)

# How many rounds of each `make crash-test` plays; SEED plays the ones of a failing run again.
ROUNDS ?= 1000

crash-test: ## SIGKILL, cuts of the network and power cuts at random instants, and a count of what was lost.
	@local/prerequisites.sh build test
	@cargo build --quiet --locked --package andon
	ANDON_CRASH_ROUNDS=$(ROUNDS) $(if $(SEED),ANDON_CRASH_SEED=$(SEED)) cargo test --locked --package andon \
		--test scenarios -- crash:: --nocapture

# How many days `make soak` lives through.
DAYS ?= 30

soak: ## Weeks in fake time: outages, renewals, lost PUBACKs, jumps of the clock; what is kept and what grows.
	@local/prerequisites.sh build test
	ANDON_SOAK_DAYS=$(DAYS) cargo test --locked --package andon --test scenarios -- soak:: --nocapture
