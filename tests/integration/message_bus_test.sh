#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# piniond on a real message bus of the test's own, asked by busctl as any program would. Exit 77: skipped.
# usage: message_bus_test.sh FOLDER_OF_BINARIES
set -euo pipefail
bin=$1

for tool in dbus-daemon busctl; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not here"; exit 77; }
done
# The default runtime folder is what makes an instance take the bus name. Root's is /run/pinion: a /run of our own keeps the
# machine's out of it.
if ((EUID == 0)) && [[ -z ${PINION_OWN_RUN:-} ]]; then
    unshare -m true 2>/dev/null || { echo "skipped: no mount namespace to be had"; exit 77; }
    PINION_OWN_RUN=1 exec unshare -m --propagation private "$0" "$bin"
fi
((EUID == 0)) && mount -t tmpfs tmpfs /run

folder=$(mktemp -d)
daemon='' bus=''
finish() {
    if [[ -n $daemon ]] && kill "$daemon" 2>/dev/null; then wait "$daemon" || true; fi
    [[ -z $bus ]] || kill "$bus" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
fail() {
    echo "failed: $*"
    cat "$folder/log"
    exit 1
}

mkfifo "$folder/address"
dbus-daemon --session --nofork --nopidfile --print-address=3 3>"$folder/address" &
bus=$!
read -r address <"$folder/address"
export DBUS_SYSTEM_BUS_ADDRESS=$address DBUS_SESSION_BUS_ADDRESS=$address XDG_RUNTIME_DIR=$folder HOME=$folder
unset RUNTIME_DIRECTORY STATE_DIRECTORY

cat >"$folder/pinion.yaml" <<'YAML'
version: 1
pools:
  web: {command: [tail, -f, /dev/null], workers: 2, log: {stdout: "null"}}
YAML
"$bin/piniond" --config "$folder/pinion.yaml" --state-dir "$folder/state" --log console >"$folder/log" 2>&1 &
daemon=$!

manager=(org.pinion.Pinion1 /org/pinion/Pinion1 org.pinion.Pinion1.Manager)
pool=(org.pinion.Pinion1 /org/pinion/Pinion1/pool/web org.pinion.Pinion1.Pool)
ask() { busctl --address="$address" "$@"; }
# Asks until the answer holds a word; each try is a round trip on the bus.
until_says() {
    local word=$1 answer='' i
    shift
    for ((i = 0; i < 1000; i++)); do
        answer=$(ask "$@" 2>&1) || true
        [[ $answer != *"$word"* ]] || return 0
        kill -0 "$daemon" 2>/dev/null || fail "piniond has ended"
    done
    fail "'$*' does not say '$word' but: $answer"
}

until_says '"running"' get-property "${pool[@]}" State
until_says 'web/0: started' call "${manager[@]}" History
until_says '"seat"' call "${pool[@]}" ListWorkers
until_says '/org/pinion/Pinion1/pool/web' call org.pinion.Pinion1 /org/pinion/Pinion1 org.freedesktop.DBus.ObjectManager GetManagedObjects
ask call "${manager[@]}" Scale su web 1 || fail "Scale was refused"
until_says 'u 1' get-property "${pool[@]}" Wanted
ask call "${manager[@]}" Stop s web || fail "Stop was refused"
until_says '"stopped"' get-property "${pool[@]}" State
until_says "no pool 'nosuch'" call "${manager[@]}" Stop s nosuch
echo "passed"
