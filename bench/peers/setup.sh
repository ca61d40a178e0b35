#!/bin/sh
# Installs what hedgerow is measured beside, for `make bench ONLY=peers` alone: Kafka Streams' jars and Ray Serve.
# Both go to target/setup/peers, or to HEDGEROW_PEERS; a second run does nothing and takes no time.
set -eu

cd "$(dirname "$0")"
PEERS=${HEDGEROW_PEERS:-$PWD/../../target/setup/peers}
RAY=2.60.0

main() {
    version=$(cat pom.xml Meeting.java setup.sh | cksum)
    [ "$(cat "$PEERS/stamp" 2>/dev/null)" = "$version" ] && return 0
    rm -rf "$PEERS"
    mkdir -p "$PEERS/streams/classes"
    streams
    ray
    echo "$version" >"$PEERS/stamp"
}

streams() {
    echo "fetching Kafka Streams" >&2
    need mvn maven
    need javac default-jdk-headless
    mvn -q -B -f pom.xml dependency:copy-dependencies "-DoutputDirectory=$PEERS/streams/jars" >&2 ||
        fail "Maven could not fetch Kafka Streams: look at the lines above"
    javac -d "$PEERS/streams/classes" -cp "$PEERS/streams/jars/*" Meeting.java ||
        fail "bench/peers/Meeting.java does not compile: look at the lines above"
}

ray() {
    echo "fetching Ray Serve $RAY" >&2
    need python3 python3
    python3 -c 'import ensurepip, venv' 2>/dev/null || need_package python3-venv
    python3 -m venv "$PEERS/ray"
    "$PEERS/ray/bin/python" -m pip install -q --disable-pip-version-check --only-binary=:all: "ray[serve]==$RAY" >&2 ||
        fail "pip could not fetch Ray Serve $RAY: look at the lines above"
}

need() { command -v "$1" >/dev/null 2>&1 || need_package "$2"; }

need_package() {
    { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; } ||
        fail "$1 is missing: type  sudo apt-get install -y $1  and run this again"
    apt-get update -q >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >&2 ||
        fail "$1 could not be installed: type  apt-get install -y $1  to see why"
}

fail() {
    echo "error: $1" >&2
    exit 1
}

main
