#!/bin/sh
# setup.sh DIR: install the peers under DIR, with npm and pip as they are set up on this machine; then  export PEERS_DIR=DIR
# What cannot be installed is left out: its rows will say “skipped”.
set -eu
mkdir -p "$1"
cd "$1"

[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund hypercore@11.30.0 \
    secret-stack@6 ssb-db2@8 ssb-ebt@9 ssb-keys@8 ssb-caps@1 ssb-classic@1 ssb-bendy-butt@1 multiserver@3 ||
    echo "hypercore and SSB could not be installed" >&2

python3 -m venv rank-venv && rank-venv/bin/pip --quiet install networkx==3.6.1 scipy meritrank-python==0.2.10 ||
    echo "networkx and MeritRank could not be installed" >&2

python3 -m venv iroh-venv && iroh-venv/bin/pip --quiet install iroh==0.35.0 ||
    echo "iroh could not be installed" >&2
