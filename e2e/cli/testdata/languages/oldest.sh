# What each program registers first, and what so runs last: what was registered after it is gone.
[ ! -e registered ] && [ ! -e folder ] || echo "oldest: what was registered after it is still there" >>log
echo oldest >>log
