"""What a new TLS 1.3 connection with one small request costs a server. Not a test itself.

One connection after another, each closed when its answer is there: the client may be slow, for only the server's CPU time
counts. Full handshakes are with an ECDSA P-256 certificate; resumed ones with the ticket of the connection before."""
import servers
from idle import Connection, tls_context
from load import Failure
from servers import peers


class NotResumed(Failure):
    """A server takes no ticket; of a peer that is no fault."""


def connect(server, tls, session):
    connection = Connection(server.port, True, tls, session)
    found = connection.socket.session
    if session and not connection.socket.session_reused:
        raise NotResumed("%s resumes no sessions" % server.name)
    if connection.socket.version() != "TLSv1.3":
        raise Failure("%s speaks %s" % (server.name, connection.socket.version()))
    connection.close()
    return found


def round_of(server, n, resumes):
    tls = tls_context()
    session = connect(server, tls, None)
    before = server.cpu_us()
    for _ in range(n):
        found = connect(server, tls, session if resumes else None)
        session = found or session
    return (server.cpu_us() - before) / n


def measure(site, n, rounds, resumes):
    """The least CPU microseconds of the rounds, by name."""
    identity, running, figures = peers.Identity(), [], {}
    try:
        for name, start in servers.starts().items():
            running.append(servers.Server(name, start, site, servers.cores()[0], identity))
        for turn in range(rounds):
            for server in running[turn % len(running):] + running[:turn % len(running)]:
                servers.say("    round %d of %d: %s" % (turn + 1, rounds, server.name))
                try:
                    us = round_of(server, n, resumes)
                except NotResumed as why:
                    if server.name == servers.OURS:
                        raise
                    servers.say("    %s: it is left out" % why)
                    continue
                except OSError as why:
                    raise Failure("%s: %s" % (server.name, why)) from None
                figures[server.name] = {"us": min(us, figures.get(server.name, {"us": us})["us"])}
    finally:
        for server in running:
            server.stop()
    return figures
