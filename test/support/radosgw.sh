#!/usr/bin/env bash
# Ceph's object gateway on loopback, its data in memory: a real S3 store for the tests.
#
#   radosgw.sh start DIR PORT   prints PORT when it answers; keys: emberlog / emberlog-secret, bucket "backups" exists not yet
#   radosgw.sh stop DIR
#
# Ports PORT … PORT+2 are used. Needs Debian's radosgw, ceph-mon and ceph-osd; only processes started here are ended.
set -euo pipefail

action=${1:?start or stop}
root=${2:?a directory}

stop() {
  local name pid
  for name in gateway store monitor; do
    [ -f "$root/$name.pid" ] || continue
    pid=$(cat "$root/$name.pid")
    kill "$pid" 2>/dev/null || continue
    for _ in $(seq 40); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
  done
}

if [ "$action" = stop ]; then
  stop
  exit 0
fi

port=${3:?a port}
mkdir -p "$root"/{mon,osd,gateway,log,run}
root=$(cd "$root" && pwd)
conf=$root/ceph.conf
cluster=$(cat /proc/sys/kernel/random/uuid)
cat >"$conf" <<CONF
[global]
fsid = $cluster
mon host = [v2:127.0.0.1:$((port + 1))/0,v1:127.0.0.1:$((port + 2))/0]
ms bind ipv4 = true
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 1073741824
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
mon data = $root/mon
osd data = $root/osd
run dir = $root/run
admin socket = $root/run/\$name.asok
log file = $root/log/\$name.log
[client.admin]
keyring = $root/admin.keyring
[osd]
keyring = $root/osd/keyring
[client.rgw]
keyring = $root/gateway/keyring
rgw data = $root/gateway
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = 127.0.0.1
rgw thread pool size = 16
CONF

key() { ceph-authtool --create-keyring "$1" --gen-key -n "$2" "${@:3}" >/dev/null; }
key "$root/mon.keyring" mon. --cap mon 'allow *'
key "$root/admin.keyring" client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key "$root/gateway/keyring" client.rgw --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key "$root/osd/keyring" osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
for each in admin.keyring gateway/keyring osd/keyring; do
  ceph-authtool "$root/mon.keyring" --import-keyring "$root/$each" >/dev/null
done
monmaptool --create --clobber --fsid "$cluster" \
  --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$root/monmap" >/dev/null
ceph-mon -c "$conf" --mkfs -i a --monmap "$root/monmap" --keyring "$root/mon.keyring" >/dev/null 2>&1
trap stop ERR

ceph-mon -c "$conf" -f -i a --keyring "$root/mon.keyring" >"$root/log/monitor.out" 2>&1 &
echo $! >"$root/monitor.pid"
disk=$(cat /proc/sys/kernel/random/uuid)
for _ in $(seq 20); do
  timeout 20 ceph -c "$conf" osd new "$disk" >/dev/null 2>&1 && break
  sleep 0.5
done
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$disk" >/dev/null 2>&1
ceph-osd -c "$conf" -f -i 0 >"$root/log/store.out" 2>&1 &
echo $! >"$root/store.pid"
radosgw -c "$conf" -f -n client.rgw >"$root/log/gateway.out" 2>&1 &
echo $! >"$root/gateway.pid"
for _ in $(seq 120); do
  curl -s -o /dev/null "http://127.0.0.1:$port/" && break
  sleep 0.5
done
curl -s -o /dev/null "http://127.0.0.1:$port/"
radosgw-admin -c "$conf" user create --uid=emberlog --display-name=emberlog \
  --access-key=emberlog --secret=emberlog-secret >/dev/null 2>&1
echo "$port"
