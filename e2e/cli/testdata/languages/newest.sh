# What each program registers last, and what so runs first: the program (its number is the argument) has ended, and what was
# registered before is still there.
[ ! -e "/proc/$1/exe" ] || echo "newest: the program is still there" >>log
[ -e registered ] && [ -e folder/inside ] || echo "newest: what was registered before is gone already" >>log
echo newest >>log
