"""Servers with a client that drives them: PostgreSQL, nginx, redis, memcached."""
from .load import Load

POSTGRES = (("pgbench", "postgresql-contrib"), ("setpriv", "util-linux"))
BIN = "PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; export PGHOST=$PWD PGUSER=postgres PGDATABASE=postgres"
AS_POSTGRES = "setpriv --reuid=postgres --regid=postgres --clear-groups"
PREPARE = f"""set -e; {BIN}
chown postgres .
{AS_POSTGRES} initdb -D data -A trust >/dev/null
echo "unix_socket_directories = '$PWD'" >>data/postgresql.conf
echo "listen_addresses = ''" >>data/postgresql.conf
{AS_POSTGRES} pg_ctl -D data -w -l server.log start
pgbench -i -q -s 10
printf 'UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;\\n' >row.sql
{AS_POSTGRES} pg_ctl -D data -w stop"""
CROWD, IO = ("cpu.oversubscription",), ("io.",)


def pgbench(name, options, expect, manual):
    return Load(name=f"pgbench {name}", needs=POSTGRES, expect=expect, manual=manual, prepare=PREPARE, settle=2,
                server=f"{BIN}; exec {AS_POSTGRES} postgres -D data", ready=f"{BIN}; psql -c 'SELECT 1'",
                command=f"{BIN}; exec pgbench -n -T 120 {options}")


NGINX = """mkdir -p html logs; head -c 4096 /dev/urandom >html/page
cat >nginx.conf <<-END
	daemon off; worker_processes 2; error_log logs/error.log; pid nginx.pid;
	events { worker_connections 512; }
	http { access_log off; server { listen 127.0.0.1:18080; root $PWD/html; } }
END"""

LOADS = [
    pgbench("select", "-S -c 8 -j 2", CROWD + ("cpu.", "lock."), "eight clients read rows that are in memory"),
    pgbench("write", "-c 8 -j 2", IO + CROWD, "eight clients commit transactions: each waits until its log is on the device"),
    pgbench("one hot row", "-c 8 -j 2 -f row.sql", IO + CROWD + ("lock.",), "eight clients update one row"),
    Load(name="nginx wrk", needs=(("nginx", "nginx"), ("wrk", "wrk"), ("curl", "curl")), prepare=NGINX,
         server="exec nginx -p . -c nginx.conf", ready="curl -sf http://127.0.0.1:18080/page",
         command="exec wrk -t 2 -c 64 -d 120 http://127.0.0.1:18080/page",
         expect=CROWD + ("cpu.", "irq."), manual="64 connections ask for a page as fast as they can"),
    Load(name="redis-benchmark", needs=(("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")),
         server="exec redis-server --port 0 --unixsocket redis.sock --save '' --appendonly no", ready="redis-cli -s redis.sock ping",
         command="exec redis-benchmark -s redis.sock -c 50 -n 1000000000 -t set,get", expect=CROWD + ("cpu.",),
         manual="50 connections of one client against one thread"),
    Load(name="redis appendfsync", needs=(("redis-server", "redis-server"), ("redis-benchmark", "redis-tools")),
         server="exec redis-server --port 0 --unixsocket redis.sock --save '' --appendonly yes --appendfsync always",
         ready="redis-cli -s redis.sock ping", command="exec redis-benchmark -s redis.sock -c 50 -n 1000000000 -t set",
         expect=IO, manual="the server syncs its log before it answers"),
    Load(name="memcached memcaslap", needs=(("memcached", "memcached"), ("memcaslap", "libmemcached-tools")),
         server="exec memcached -u nobody -l 127.0.0.1 -p 18211 -t 4 -m 256", ready="nc -z 127.0.0.1 18211 || memcstat --servers=127.0.0.1:18211",
         command="exec memcaslap -s 127.0.0.1:18211 -T 2 -c 32 -t 120s", expect=CROWD + ("cpu.", "irq."),
         manual="32 connections ask as fast as they can"),
]
