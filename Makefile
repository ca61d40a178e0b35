# The commands: `make demo` and `make test`; plus `make fraud`, `make recommender`, `make neighbours`, `make wasm`, `make examples`, `make lint`, `make bench`, `make profile`, `make simulate` and `make faults`. Each does its own set-up.

# BROKERS and KAFKA_BROKERS, given here or in the environment, reach the programs through it.
SETUP := target/setup
export ORT_DYLIB_PATH ?= $(CURDIR)/$(SETUP)/onnxruntime/libonnxruntime.so
export HEDGEROW_KAFKA_JARS ?= $(CURDIR)/$(SETUP)/kafka
export HEDGEROW_REGISTRY ?= $(CURDIR)/$(SETUP)/registry
export HEDGEROW_STORE ?= $(CURDIR)/$(SETUP)/store
export HEDGEROW_PROMTOOL ?= $(CURDIR)/$(SETUP)/promtool/promtool
export HEDGEROW_TEST_PYTHON ?= $(CURDIR)/$(SETUP)/python/bin/python
export HEDGEROW_MODELS ?= $(CURDIR)/$(SETUP)/models
export HEDGEROW_PEERS ?= $(CURDIR)/$(SETUP)/peers

# Most tests wait for a broker rather than for a processor.
export RUST_TEST_THREADS ?= 4

REQUESTS ?= 10000
RATE ?= 1000

.PHONY: demo fraud recommender examples neighbours wasm heater pictures test lint bench bench-plots profile simulate faults setup clean help

help: ## shows this
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

demo: ## streams the wine data through real models; over Kafka with BROKERS=host:port
	@tools/setup.sh build onnx
	cargo run --release --quiet --locked -- demo --requests $(REQUESTS) --rate $(RATE) $(ARGS)

fraud: ## asks two models and a vendor that straggles about card payments, within 15 ms; needs Python for the vendor
	@tools/setup.sh build onnx
	cargo build --release --quiet --locked
	@examples/fraud/run.sh --requests $(REQUESTS) --rate $(if $(filter-out file,$(origin RATE)),$(RATE),200) $(ARGS)

recommender: ## asks a factorisation for users' top items, and puts a newer one in its place half-way; how alike their lists are: target/examples/canary-before.html
	@tools/setup.sh build onnx
	cargo run --release --quiet --locked -- demo --policy examples/recommender/recommender.yaml --inputs examples/recommender/users.jsonl --then examples/recommender/second.yaml --reports target/examples --requests $(REQUESTS) --rate $(RATE) $(ARGS)

examples: ## compares three canaries on the wine data; the pages are target/examples/canary-{equal,better,shuffled}.html (.md, .json)
	@tools/setup.sh build onnx
	cargo run --release --quiet --locked -- demo --reports target/examples --requests $(REQUESTS) --rate $(RATE) $(ARGS)

neighbours: ## shows an executor in Rust that is compiled in, beside models that came as ONNX
	@tools/setup.sh build onnx
	cargo run --release --quiet --locked -p hedgerow-neighbours -- demo --policy examples/neighbours/neighbours.yaml --requests $(REQUESTS) --rate $(RATE) $(ARGS)

wasm: ## builds a WebAssembly component from Rust, and asks it about wines
	@tools/setup.sh build
	cargo run --release --quiet --locked -p hedgerow-component -- target/wasm/rank.wasm
	cargo run --release --quiet --locked -- demo --policy examples/wasm/policy.yaml --inputs examples/wasm/wines.jsonl --requests $(REQUESTS) --rate $(RATE) $(ARGS)

heater: ## shows an executor that keeps state: three rooms, and every command that their heaters were given
	@tools/setup.sh build
	cargo run --release --quiet --locked -p hedgerow-heater --bin house

pictures: examples ## draws docs/pictures/ from these pages; needs Chromium (CHROMIUM=path)
	@tools/pictures.sh target/examples docs/pictures

test: ## runs every test, among them those on a real Kafka that they start; KAFKA_BROKERS=host:port uses another, JOBS=1 runs one program at a time
	@tools/setup.sh build
	@tools/setup.sh & fetching=$$!; cargo test --workspace --tests --locked --no-run && wait $$fetching
	@tools/test.py --workspace --tests --locked $(ARGS)

# Advisories are not checked here: their database is a repository elsewhere, and a clean tree must not turn red by itself.
lint: ## format, clippy, docs, licences, and that the pure crates are pure
	@tools/setup.sh build lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(SETUP)/bin/cargo-deny --log-level error check bans licenses sources
	tools/purity.sh

bench: ## measures beside what it could cost at the least; ONLY=overhead|throughput|embedded|core|stragglers|hedge|overload|edits|watched|state|swap|models50|kinds|peers, RATE, SECONDS, KEEP=docs/bench
	@tools/setup.sh build $(if $(filter kinds,$(ONLY)),onnx,kafka onnx)
	@$(if $(filter peers,$(ONLY)),bench/peers/setup.sh)
	cargo build --release --quiet --locked -p hedgerow-bench
	@$(or $(CARGO_TARGET_DIR),target)/release/hedgerow-bench $(if $(ONLY),--only $(ONLY)) $(if $(filter-out file,$(origin RATE)),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(KEEP),--keep $(KEEP)) $(ARGS)

bench-plots: ## draws the plots and the table of docs/benchmarks.md from docs/bench/results.jsonl
	@tools/setup.sh build
	cargo run --release --quiet --locked -p hedgerow-bench -- --plots --keep docs/bench

profile: ## samples where the processor time goes under load, as docs/bench/flamegraph.svg; needs Linux' perf
	@tools/setup.sh build kafka profile
	cargo build --release --quiet --locked -p hedgerow-bench
	@PATH="$(CURDIR)/$(SETUP)/bin:$$PATH" $(or $(CARGO_TARGET_DIR),target)/release/hedgerow-bench --only profile --keep $(or $(KEEP),docs/bench) $(if $(filter-out file,$(origin RATE)),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

simulate: ## plays worlds in which everything goes wrong, and judges them; SEEDS=100000, or SEED=4711 for one whole story
	@tools/setup.sh build
	cargo run --release --quiet --locked -p hedgerow-simulation -- $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

# Both in one build: apart from each other they would want the Kafka client built twice.
faults: ## kills, stops and rolls stations and broker under load, and audits; ONLY=collector,storm, KILLS, SECONDS, RATE
	@tools/setup.sh build kafka
	cargo build --release --quiet --locked -p hedgerow -p hedgerow-faults
	@$(or $(CARGO_TARGET_DIR),target)/release/hedgerow-faults $(if $(ONLY),--only $(ONLY)) $(if $(KILLS),--kills $(KILLS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(filter-out file,$(origin RATE)),--rate $(RATE)) $(ARGS)

setup: ## fetches what the others need: compilers, Kafka's jars, the onnxruntime library
	@tools/setup.sh build kafka onnx lint

clean: ## forgets everything that was built and fetched
	cargo clean
