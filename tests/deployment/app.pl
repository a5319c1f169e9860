# An application on 127.0.0.1:8080, of what every Debian has: says who somebody is, and writes down what is posted to it.
use strict;
use IO::Socket::INET;

$| = 1;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1:8080', Listen => 16, ReuseAddr => 1) or die "listen: $!";
while (my $client = $server->accept) {
    my $request = <$client>;
    my %headers;
    while (my $line = <$client>) {
        last if $line =~ /^\r?$/;
        $headers{lc $1} = $2 if $line =~ /^([^:]+):\s*(.*?)\r?$/;
    }
    read $client, my $body, $headers{'content-length'} // 0;
    print "posted $headers{'x-gatehouse-timestamp'} $headers{'x-gatehouse-signature'} $body\n" if $request =~ /^POST/;
    my $page = "you are " . ($headers{'x-forwarded-user'} // 'nobody') . "\n";
    print $client "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ", length $page, "\r\n\r\n$page";
    close $client;
}
