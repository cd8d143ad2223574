# A job of a shell: bash job.sh TOKEN [handle], or sh job.sh. It has a temporary folder, jobs in the background, and a trap for its
# exit. With "handle" there is one for SIGTERM, too, which makes an ordinary exit of it.
set -e
echo "pid $$"
folder=$(mktemp -d)
echo "temp $folder"
trap 'sh -c "sleep 0.1; echo exit >>handlers"' EXIT
if [ "$2" = handle ]; then trap 'exit 3' TERM; fi

lastly add exec -- sh oldest.sh >/dev/null
: >registered
lastly add remove registered >/dev/null
mkdir folder
lastly add remove folder >/dev/null
: >folder/inside
escaped=$(setsid sh -c 'env -i /bin/sleep "$1" </dev/null >/dev/null 2>&1 & echo $!' sh "$1")
lastly add kill "$escaped" >/dev/null
lastly add exec -- sh newest.sh $$ >/dev/null

for name in a b; do
  (while :; do date >>"$folder/$name"; sleep 0.01; done) &
done
(trap '' TERM HUP; exec sleep 0.3) & # ends late
until [ -s "$folder/a" ] && [ -s "$folder/b" ]; do sleep 0.01; done
echo ready
while :; do # also when the jobs, or this sleep, have got SIGTERM and the shell has not yet: that is no death
  wait || :
  sleep 0.01 || :
done
