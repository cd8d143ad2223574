# A job in Perl: perl job.pl TOKEN [handle]. END and File::Temp clean up at an exit; with "handle", SIGTERM is one.
use strict;
use warnings;
use File::Temp qw(tempdir);
use POSIX qw(setsid);

$| = 1;
print "pid $$\n";
my ($token, $handle) = @ARGV;
my $main = $$;
$SIG{TERM} = sub { exit 3 } if $handle;
END {
    if ($$ == $main) { open my $log, '>>', 'handlers'; print $log "END\n" }
}
my $folder = tempdir(CLEANUP => 1, TMPDIR => 1);
print "temp $folder\n";

sub add {
    open my $out, '-|', 'lastly', 'add', @_ or die;
    my $id = <$out>;
    close $out or die "lastly add @_: $?";
    return $id;
}

sub touch { open my $f, '>', $_[0] or die; close $f }

add('exec', '--', 'sh', 'oldest.sh');
touch('registered');
add('remove', 'registered');
mkdir 'folder' or die;
add('remove', 'folder');
touch('folder/inside');
pipe my $reader, my $writer or die;
if (!fork) {
    setsid;
    if (!fork) {
        syswrite $writer, "$$\n";
        open STDIN, '<', '/dev/null'; open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
        %ENV = ();
        exec '/bin/sleep', $token;
    }
    POSIX::_exit(0);
}
wait;
chomp(my $escaped = <$reader>);
add('kill', $escaped);
add('exec', '--', 'sh', 'newest.sh', $$);

if (!fork) { 1 while select undef, undef, undef, 0.01 }
for (my $done = 0; ; $done++) {
    open my $f, '>', "$folder/$done" or die;
    print $f $done x 1000;
    close $f;
    print "ready\n" if $done == 5;
    select undef, undef, undef, 0.005;
}
