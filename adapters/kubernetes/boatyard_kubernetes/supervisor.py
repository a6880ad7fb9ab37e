"""The supervisor, the first process of a rootless buildkitd's container: it kills processes that steps leave behind,
and restarts buildkitd for a new certificate.

Without a process sandbox, BuildKit only kills the first process of a step that is cancelled or times out. Its children
keep running and hold the step's output open, so the step does not end: a buildkitd that is stopped closes its listener
and waits for such steps as long as its pod may live (gRPC's GracefulStop). `runc run` is the subreaper of its step: it
adopts the children that the step's first process leaves behind, and waits for them. Once runc has ended, the
container's first process adopts such orphans.

The script may signal processes of every user in rootlesskit's user namespace without any capability: it runs as the
user who made that namespace, outside of it (user_namespaces(7)).

infra/terraform/modules/kubernetes/supervisor.sh is the same text; a test compares them.
"""

from typing import Final

COMMAND: Final = ("/bin/sh", "-c")
NAME: Final = "buildkitd"
"""The script's name in process lists, followed by buildkitd's arguments."""
SCRIPT: Final = r"""# First process of buildkitd's container; its arguments are buildkitd's.
GRACE=110 # seconds that running builds get, less than the pod's grace
stopping=
trap 'stopping=${stopping:-0}' TERM INT

# The links that the kubelet replaces when a Secret or ConfigMap changes.
versions() { readlink /certs/..data; readlink /etc/buildkit/..data; }
namespace_of() { readlink "/proc/$1/ns/mnt" 2>/dev/null; }
children_of() { cat "/proc/$1/task/"*/children 2>/dev/null; }

# Orphans of steps have their own mount namespace. Processes in the container's or buildkitd's namespace, such as
# fuse-overlayfs or a debugger's shell, are left alone, and so are those whose namespace is unreadable.
sweep() {
  spaces=
  for known in $(children_of "$daemon"); do spaces="$spaces $(namespace_of "$known") "; done
  case $spaces in *mnt:*) spaces="$spaces $(namespace_of $$) " ;; *) return ;; esac
  for orphan in $(children_of $$); do
    [ "$orphan" != "$daemon" ] && space=$(namespace_of "$orphan") && [ -n "$space" ] || continue
    case $spaces in *" $space "*) ;; *) kill -KILL "$orphan" 2>/dev/null ;; esac
  done
}

# runc is the subreaper of its step and waits for orphans after the step's first process has ended. Its state file has
# that process's pid.
sweep_steps() {
  for child in $(children_of "$daemon"); do
    for buildkitd in "$child" $(children_of "$child"); do
      for runc in $(children_of "$buildkitd"); do
        id=$(tr '\0' '\n' <"/proc/$runc/cmdline" 2>/dev/null | tail -n 1)
        state="${XDG_RUNTIME_DIR:-/run/user/1000}/runc/${id##*/}/state.json"
        first=$(sed -n 's/.*"init_process_pid": *\([0-9][0-9]*\).*/\1/p' "$state" 2>/dev/null)
        left=$(children_of "$runc")
        [ -n "$first" ] && [ -n "$left" ] || continue
        case " $left " in *" $first "*) ;; *) kill -KILL $left 2>/dev/null ;; esac
      done
    done
  done
}

before=$(versions)
rootlesskit buildkitd "$@" &
daemon=$!
while [ -d "/proc/$daemon" ]; do
  sleep 1 &
  wait $! # returns immediately after a signal; also reaps orphans
  sweep
  sweep_steps
  if [ -z "$stopping" ] && [ "$before" != "$(versions)" ]; then
    echo "supervisor: certificates or configuration changed: restarting" >&2
    stopping=0
  fi
  if [ -n "$stopping" ]; then
    [ "$stopping" -ne 0 ] || kill -TERM "$daemon" 2>/dev/null
    [ "$stopping" -ne "$GRACE" ] || kill -KILL "$daemon" 2>/dev/null
    stopping=$((stopping + 1))
  fi
done
wait "$daemon"
"""
