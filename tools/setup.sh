#!/bin/sh
# Makes a bare Debian machine with Rust able to build, test and run hedgerow.
# Usage: tools/setup.sh [build] [kafka] [registry] [store] [onnx] [browser] [promtool] [python] [models] [lint] [profile]     (the first nine if none is named)
#   build   compiler, make, perl and OpenSSL for the native parts; the target the pure crates are checked on
#   kafka   Java, and Apache Kafka's jars in target/setup/kafka
#   registry a schema registry (Apicurio) in target/setup/registry (142 MB to fetch)
#   store   an object store that speaks S3 (S3Proxy, Java) in target/setup/store (20 MB to fetch)
#   onnx    onnxruntime's shared library in target/setup/onnxruntime
#   browser Chromium, in which the tests look at pages; left out where the distribution has none
#   promtool Prometheus' own checker of metrics and rules, in target/setup/promtool
#   python  what tests run of Python's, in one virtual environment in target/setup/python: MLServer, MLflow, Triton's and Kafka's clients
#   models  what is served to executors in tests, in target/setup/models: Openscoring (Java), and a model that MLServer serves
#   lint    cargo-deny in target/setup/bin
#   profile Linux' perf, and inferno, which draws flame graphs, in target/setup/bin
# What is there already is left alone; a second run does nothing and takes no time.
set -eu

cd "$(dirname "$0")/.."
SETUP=$PWD/target/setup
ONNXRUNTIME=1.31.1
CARGO_DENY=0.20.2
INFERNO=0.12.8
UV=0.13.9

main() {
    [ $# -gt 0 ] || set -- build kafka registry store onnx browser promtool python models
    for part; do
        case $part in
            build | kafka | registry | store | onnx | browser | promtool | python | models | lint | profile) "setup_$part" ;;
            *) fail "tools/setup.sh knows the parts build, kafka, registry, store, onnx, browser, promtool, python, models, lint and profile, not '$part'" ;;
        esac
    done
}

setup_build() {
    need cc build-essential
    need c++ build-essential
    need make build-essential
    need perl perl
    # Whoever builds OpenSSL as well needs none of the system's.
    if [ "${OPENSSL_NO_VENDOR:-1}" != 0 ]; then
        need pkg-config pkg-config
        pkg-config --exists openssl || install libssl-dev
    fi
    wasm=wasm32-unknown-unknown
    have rustup || return 0
    [ -d "$(rustc --print sysroot)/lib/rustlib/$wasm" ] && return 0
    rustup target add "$wasm" || echo "note: without the Rust target $wasm the purity check is skipped" >&2
}

setup_kafka() {
    version=$(cksum <tests/broker/pom.xml)
    need_java
    fresh kafka "$version" && return 0
    begin_jars kafka tests/broker/pom.xml "Apache Kafka"
    format_storage
    finish kafka "$version"
}

# Formats a broker's storage once; the tests copy it, which saves each broker that they start a second.
format_storage() {
    cat >"$NEW/format.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9093
listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093
controller.listener.names=CONTROLLER
log.dirs=$NEW/formatted
PROPERTIES
    "$(java_command)" -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$NEW/*" kafka.tools.StorageTool format \
        --cluster-id hedgerowAAAAAAAAAAAAAA --config "$NEW/format.properties" >/dev/null ||
        fail "Kafka's storage could not be formatted"
}

setup_registry() {
    version=$(cksum <tests/broker/registry/pom.xml)
    need_java
    fresh registry "$version" && return 0
    begin_jars registry tests/broker/registry/pom.xml "a schema registry, Apicurio"
    tar -xzf "$NEW"/apicurio-registry-app-*.tar.gz -C "$NEW"
    rm "$NEW"/apicurio-registry-app-*.tar.gz
    finish registry "$version"
}

setup_store() {
    version=$(cksum <tests/broker/store/pom.xml)
    need_java
    fresh store "$version" && return 0
    begin_jars store tests/broker/store/pom.xml "an object store, S3Proxy"
    finish store "$version"
}

setup_onnx() {
    fresh onnxruntime "$ONNXRUNTIME" && return 0
    need python3 python3
    begin onnxruntime "onnxruntime $ONNXRUNTIME"
    if ! python3 -m pip --version >/dev/null 2>&1; then
        python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
        python3 -m venv "$NEW/venv"
        PATH=$NEW/venv/bin:$PATH
    fi
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: -d "$NEW" \
        "onnxruntime==$ONNXRUNTIME" ||
        fail "pip could not fetch onnxruntime $ONNXRUNTIME: look at the lines above, then run tools/setup.sh onnx"
    python3 - "$NEW" <<'PYTHON'
import pathlib, sys, zipfile
folder = pathlib.Path(sys.argv[1])
wheel = zipfile.ZipFile(next(folder.glob("onnxruntime-*.whl")))
library = next(name for name in wheel.namelist() if name.split("/")[-1].startswith("libonnxruntime.so."))
(folder / "libonnxruntime.so").write_bytes(wheel.read(library))
PYTHON
    rm -rf "$NEW/venv" "$NEW"/onnxruntime-*.whl
    finish onnxruntime "$ONNXRUNTIME"
}

# Pages are right or wrong without one too, so whoever cannot have one goes on; the test says that it looked at nothing.
setup_browser() {
    for name in "${HEDGEROW_BROWSER:-chromium}" chromium-browser google-chrome; do
        have "$name" && return 0
    done
    (install chromium) || echo "note: without a browser the test that looks at pages in one is skipped" >&2
}

# Out of Debian's package, which is not installed: it would bring a server and its pages along.
setup_promtool() {
    have promtool && return 0
    fresh promtool debian && return 0
    have apt-get || fail "promtool is missing and there is no apt-get: install Prometheus by your system's means and run this again"
    begin promtool "Prometheus' promtool"
    (cd "$NEW" && apt-get download -q prometheus >&2) || {
        if [ "$(id -u)" = 0 ]; then apt-get update -q >&2; else sudo -n apt-get update -q >&2; fi &&
            (cd "$NEW" && apt-get download -q prometheus >&2)
    } || fail "Debian's package prometheus could not be fetched: look at the lines above, then run tools/setup.sh promtool"
    dpkg -x "$NEW"/prometheus_*.deb "$NEW/package"
    mv "$NEW/package/usr/bin/promtool" "$NEW/promtool"
    rm -rf "$NEW/package" "$NEW"/prometheus_*.deb
    finish promtool debian
}

# By uv: pip takes four times as long for so many packages.
setup_python() {
    need curl curl
    version=$(cat tests/requirements.txt examples/servers/requirements.txt | cksum)
    fresh python "$version" && return 0
    need python3 python3
    python=$(python_for_mlserver)
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    begin python "what the tests run of Python's"
    "$python" -m venv "$NEW"
    "$NEW/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: "uv==$UV" >&2 &&
        "$NEW/bin/uv" pip install -q --system-certs --python "$NEW/bin/python" --only-binary=:all: -r tests/requirements.txt >&2 ||
        fail "the packages of tests/requirements.txt could not be fetched: look at the lines above, then run tools/setup.sh python"
    finish python "$version"
}

# Both serve what stands in examples/servers: a model that is trained here, and a file of PMML.
setup_models() {
    version=$(cat examples/servers/requirements.txt examples/servers/train.py examples/servers/pom.xml examples/servers/web.xml | cksum)
    need_java
    fresh models "$version" && return 0
    need mvn maven
    setup_python
    begin models "Openscoring"
    "$SETUP/python/bin/python" examples/servers/train.py "$NEW/mlserver"
    mkdir -p "$NEW/openscoring/WEB-INF"
    cp examples/servers/web.xml "$NEW/openscoring/WEB-INF/"
    mvn -q -B -f examples/servers/pom.xml dependency:copy-dependencies \
        -DexcludeArtifactIds=jetty-runner "-DoutputDirectory=$NEW/openscoring/WEB-INF/lib" >&2 &&
        mvn -q -B -f examples/servers/pom.xml dependency:copy-dependencies \
            -DincludeArtifactIds=jetty-runner -Dmdep.stripVersion "-DoutputDirectory=$NEW" >&2 ||
        fail "Maven could not fetch Openscoring: look at the lines above, then run tools/setup.sh models"
    finish models "$version"
}

# Unoptimised: it builds in a third of the time and checks the licences in the same second.
setup_lint() {
    [ "$("$SETUP/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $CARGO_DENY" ] && return 0
    echo "building cargo-deny $CARGO_DENY" >&2
    cargo install cargo-deny --version "$CARGO_DENY" --locked --debug --quiet --root "$SETUP" ||
        fail "cargo-deny could not be built: look at the lines above, then run tools/setup.sh lint"
}

# perf belongs to the kernel that runs, so it comes with the distribution.
setup_profile() {
    need perf "$(perf_package)"
    perf record -q -e cpu-clock -o /dev/null true >/dev/null 2>&1 ||
        fail "perf may not take samples here: as root, sysctl kernel.perf_event_paranoid=1; in a container, --cap-add PERFMON"
    [ "$("$SETUP/bin/inferno-flamegraph" --version 2>/dev/null)" = "inferno-flamegraph $INFERNO" ] && return 0
    echo "building inferno $INFERNO" >&2
    cargo install inferno --version "$INFERNO" --locked --quiet --root "$SETUP" ||
        fail "inferno could not be built: look at the lines above, then run tools/setup.sh profile"
}

# --- folders that are either whole or absent -------------------------------------------------------------------------

fresh() { [ "$(cat "$SETUP/$1/stamp" 2>/dev/null)" = "$2" ]; }

begin() {
    echo "fetching $2" >&2
    NEW=$SETUP/$1.new
    rm -rf "$NEW"
    mkdir -p "$NEW"
}

# Begins the part $1 with the jars that the pom $2 names; $3 is what they are.
begin_jars() {
    need mvn maven
    begin "$1" "$3"
    mvn -q -B -f "$2" dependency:copy-dependencies "-DoutputDirectory=$NEW" >&2 ||
        fail "Maven could not fetch $3: look at the lines above, then run tools/setup.sh $1"
}

finish() {
    echo "$2" >"$NEW/stamp"
    rm -rf "${SETUP:?}/$1"
    mv "$NEW" "$SETUP/$1"
}

# --- programs --------------------------------------------------------------------------------------------------------

have() { command -v "$1" >/dev/null 2>&1; }

need() { have "$1" || install "$2"; }

install() {
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif have sudo && sudo -n true 2>/dev/null; then
        sudo=sudo
    else
        fail "$1 is missing: type  sudo apt-get install -y $1  and run this again"
    fi
    have apt-get || fail "$1 is missing and there is no apt-get: install it by your system's means and run this again"
    [ -n "${UPDATED-}" ] || $sudo apt-get update -q >&2 || fail "apt-get update failed: $1 cannot be installed"
    UPDATED=yes
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >&2 ||
        fail "$1 could not be installed: type  sudo apt-get install -y $1  to see why"
}

java_command() { echo "${JAVA_HOME:+$JAVA_HOME/bin/}java"; }

need_java() {
    java_is_fit && return 0
    [ -z "${JAVA_HOME-}" ] || fail "JAVA_HOME ($JAVA_HOME) holds no Java 17 or newer: correct it, or unset it"
    install "$(java_package)"
    java_is_fit || fail "Java 17 or newer is missing: install one and point JAVA_HOME at it"
}

java_is_fit() {
    have "$(java_command)" || return 1
    major=$("$(java_command)" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ]
}

python_for_mlserver() {
    for python in python3 python3.12 python3.11; do
        "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null && echo "$python" && return 0
    done
    fail "MLServer runs on Python 3.11 and 3.12, and neither is here: install python3.12 and run tools/setup.sh python again"
}

perf_package() {
    if apt-cache show linux-perf >/dev/null 2>&1; then
        echo linux-perf
    else
        echo linux-tools-generic
    fi
}

java_package() {
    if apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
        echo openjdk-17-jre-headless
    else
        echo default-jre-headless
    fi
}

fail() {
    echo "error: $1" >&2
    exit 1
}

main "$@"
