# First process of buildkitd's container; its arguments are buildkitd's.
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
