/* Every cap on what a peer or a file can make us do, in one place: its default and where the number
 * comes from.
 *
 * "peers" means the defaults of nghttp2, h2o, nginx, haproxy, Envoy, Go and hyper as of 2026. */
#ifndef H2BOX_CORE_LIMITS_H
#define H2BOX_CORE_LIMITS_H

/* What a peer can make the core hold for one connection, when everything else here is at its
 * default: slots of streams that were reset and wait for their CLOSED (LIMIT_RESET_BURST, twice
 * while they grow) 190 KiB, a header block (LIMIT_HEADER_BLOCK, and while it grows) 192 KiB, output
 * (LIMIT_OUTPUT_QUEUED and a block) 128 KiB, tables of HPACK and priorities 64 KiB. A statement
 * that the tests hold it to; nothing looks at it at run time. */
#define LIMIT_CONNECTION_BYTES 655360u

/* ---- HTTP/2 streams ---- */

/* Streams a peer may have open. RFC 9113 section 6.5.2 advises at least 100; peers 100 to 250. */
#define LIMIT_STREAMS 100u

/* Pushed streams reserved and not yet answered; RFC 9113 section 10.5 leaves them uncounted, so
 * they need a cap. As many promises on one stream cost a server nothing; further ones are charged
 * (LIMIT_GLITCH_BURST): a proxy that cancelled each was kept busy for as long as they came. */
#define LIMIT_RESERVED 100u

/* Streams that a server has promised and that are not over, however many its client would take: no
 * limit is set unless the client sets one (RFC 9113 section 5.1.2), and each costs a request. With
 * 32 preloads in an answer 30 requests of 60 bytes had a proxy ask its backend 960 more, and keep
 * 96 MB of what was not read. As many as a client may have (LIMIT_STREAMS). */
#define LIMIT_PROMISES 100u

/* Streams we reset and still expect frames for: the frames in flight are ignored (RFC 9113
 * section 5.1). Older ones are answered STREAM_CLOSED. */
#define LIMIT_RESET_MEMORY 32u

/* PRIORITY_UPDATE frames kept for streams that are still to come; RFC 9218 section 7.1 asks for a
 * limit. */
#define LIMIT_EARLY_PRIORITIES 100u

/* Nodes of the RFC 7540 tree below others: the tree is never deeper, and what would make it so
 * depends on the root. Section 5.3.4 lets state be limited; nghttp2 1.52 keeps 100 levels. */
#define LIMIT_TREE_DEPENDENTS 128u

/* Nodes kept in the tree for idle streams, and as many for closed ones (RFC 7540 section 5.3.4).
 * Firefox makes groups of 6 idle streams, nghttp of 5. */
#define LIMIT_TREE_KEPT 32u

/* Bytes of the Priority fields of a request, or of a PRIORITY_UPDATE; what is longer says nothing
 * (RFC 9218 sections 4 and 7.1 let it be ignored). "u=3, i" has six, and indexed fields of 4 KiB
 * cost their sender a byte each. */
#define LIMIT_PRIORITY_BYTES 128u

/* ---- header blocks ---- */

/* Field section size, RFC 9113 section 6.5.2 counting; peers 16 KiB to 1 MiB, nghttp2 64 KiB. */
#define LIMIT_HEADER_LIST 65536u

/* Fields in one section; peers 100 (h2o, haproxy, Envoy); CVE-2016-8740, CVE-2019-9516 (no cost per
 * field). */
#define LIMIT_HEADER_FIELDS 128u

/* Bytes of one compressed block: a block within LIMIT_HEADER_LIST is never longer but for
 * never-sensible encodings. CVE-2024-27316. */
#define LIMIT_HEADER_BLOCK 65536u

/* CONTINUATION frames behind one HEADERS; nghttp2 8, hyper 5 and up. CVE-2024-28182, VU#421644. */
#define LIMIT_CONTINUATIONS 8u

/* SETTINGS entries in one frame; nghttp2 32. CVE-2020-11080. */
#define LIMIT_SETTINGS_ENTRIES 32u

/* The dynamic table our encoder uses although the peer would allow more; nghttp2 4096. */
#define LIMIT_ENCODER_TABLE 4096u

/* The most a table may be set to, either side, by option. CVE-2016-1544 (table growth). */
#define LIMIT_TABLE_MAX 1048576u

/* ---- HTTP/1.1 ---- */

/* Requests of a connection whose answers are begun and not all written; the next waits. nginx reads
 * one at a time, h2o too; with many in one write, pipelined requests cost half as much. */
#define LIMIT_PIPELINE 32u

/* Bytes of chunk extensions in a message: nobody uses them, and they come for each byte of content.
 * Go 1.22 allows 16 KiB (CVE-2023-39326). */
#define LIMIT_CHUNK_EXTENSIONS 16384u

/* Bytes of a protocol that Upgrade asks for and we let by; of those that
 * IANA knows "connect-udp" is the longest. */
#define LIMIT_PROTOCOL 15u

/* Options of Connection that are not known: each is looked for among the fields. 28,000 of them in
 * one head took 40 ms; nobody has more than three. */
#define LIMIT_CONNECTION_OPTIONS 32u

/* 1xx responses (RFC 9110 section 15.2) before the final one. CVE-2021-3737 (a client that reads
 * 100 for ever); Go allows 5, curl 8 any number. */
#define LIMIT_INFORMS 100u

/* Input that a Python program feeds to a connection that is PAUSED, and that is kept for it;
 * asyncio reads up to 256 KiB at once, and our own server stops reading then. */
#define LIMIT_PYTHON_KEPT 1048576u

/* Of one WebSocket message to a Python program, where it asks for no more (up to LIMIT_MESSAGE): a
 * connection may have as many at once as it has streams. The package websockets has 1 MiB, too. */
#define LIMIT_PYTHON_MESSAGE 1048576u

/* ---- floods ---- */

/* Resets, by the peer or provoked by it: a bucket of this many, refilled per second; nghttp2 1000
 * and 33. CVE-2023-44487 (rapid reset), CVE-2025-8671 (MadeYouReset). */
#define LIMIT_RESET_BURST 1000u
#define LIMIT_RESET_RATE  33u

/* Frames that make work without a request (PING, SETTINGS, PRIORITY, empty DATA, stray
 * WINDOW_UPDATE ...); nghttp2 10000 and 330. CVE-2019-9512, -9513, -9515, -9518. */
#define LIMIT_GLITCH_BURST 10000u
#define LIMIT_GLITCH_RATE  330u

/* DATA of fewer bytes than this that does not end its stream: a bucket of its own, since people do
 * type, and chat, over streams. A microsecond each is 2 % of a core. CVE-2019-9518 (empty frames,
 * here with a byte in them). */
#define LIMIT_SMALL_DATA  64u
#define LIMIT_SMALL_BURST 20000u
#define LIMIT_SMALL_RATE  20000u

/* WINDOW_UPDATE frames that one frame of DATA pays for, and that may be saved up; Envoy allows 20.
 * Clients that update both levels every 4 KiB send 8 for each of 16 KiB. DATA under
 * LIMIT_SMALL_DATA pays for none unless it ends its stream: CVE-2019-9511 (data dribble) makes it
 * so small. */
#define LIMIT_UPDATES_PER_DATA 20u
#define LIMIT_FREE_UPDATES     100000u

/* Sections this many times over the limit are not decoded to their end: indexed names make 4 KiB of
 * every two bytes. */
#define LIMIT_HEADER_EXCESS 4u

/* Bytes of frames of our own making (of a client: but its requests) that may wait for the peer to
 * read; above it we stop reading.
 * CVE-2019-9517; nghttp2 allows 1000 ACKs. */
#define LIMIT_OUTPUT_QUEUED 65536u

/* ---- flow control ---- */

/* Windows we give: stream and connection. A 65,535-byte window holds a transfer to 65 KB per round
 * trip; 1 MiB carries 100 MB/s at 10 ms. */
#define LIMIT_STREAM_WINDOW     65535u
#define LIMIT_CONNECTION_WINDOW 1048576u

/* Body bytes an applet may hold uncredited before the connection window stalls. */
#define LIMIT_HELD 1048576u

/* Bodies up to this size are copied beside their frame header instead of lent: an iovec costs more
 * than the copy. */
#define LIMIT_COPY_BODY 2048u

/* Content of a request that comes after its answer was complete. Resetting at once is allowed (RFC
 * 9113 section 8.1), but curl 7.88 then drops the answer; an upload of this size is read to its
 * end, a longer one is cut. */
#define LIMIT_DISCARD 16777216u

/* ---- time, in milliseconds ---- */

/* SETTINGS unacknowledged; nghttpx 10 s. RFC 9113 section 6.5.3. */
#define LIMIT_SETTINGS_ACK_MS 10000u

/* Between the two GOAWAYs of a drain, when the PING that measures the round trip is not answered.
 * RFC 9113 section 6.8. */
#define LIMIT_DRAIN_PING_MS 1000u

/* A frame that is needed whole, or a header block, is not finished in this time. haproxy's example
 * for timeout http-request 10 s, nginx client_header_timeout 60 s. CVE-2007-6750 (slowloris). */
#define LIMIT_PART_MS 10000u

/* A window that the peer keeps shut, with less than LIMIT_STALL_BYTES sent from one look to the
 * next, or content of a request of which not a byte comes. nginx send_timeout and
 * client_body_timeout 60 s. CVE-2016-1546 (streams held by their windows). */
#define LIMIT_STALL_MS    60000u
#define LIMIT_STALL_BYTES 1024u

/* ---- network ---- */

/* Bytes gathered for one write, to begin with; a server on a fast network gathers up to
 * LIMIT_FLUSH_TURN (socket_drained). For files that are read, 32 KiB and 128 KiB cost a tenth more.
 */
#define LIMIT_FLUSH_BUDGET 65536u

/* Events of a link's input that are told in one go; the rest waits until the others have had their
 * turn. 64 KiB of input can be 2,400 requests, each up to 5 us of work. */
#define LIMIT_STEP_EVENTS 128u

/* A link's share of a turn; more waits until the others have had theirs. About what fills
 * a default loopback socket. */
#define LIMIT_FLUSH_TURN 524288u

/* Flushes of one turn: links that touch each other (a proxy's two sides) settle in two, the rest
 * waits for the next poll. */
#define LIMIT_FLUSH_PASSES 4u

/* Bytes the kernel holds beyond what the network has taken (TCP_NOTSENT_LOWAT), which all that is
 * urgent must wait for; h2o uses its flush size as well. On a fast network each wake-up for so few
 * is dear (a fifth of the CPU time of big files), so they double while half of them is gone before
 * FAST_MS, up to what the kernel allows by default (tcp_wmem), and halve again from SLOW_MS on. */
#define LIMIT_NOTSENT         131072
#define LIMIT_NOTSENT_STEPS   5u
#define LIMIT_NOTSENT_FAST_MS 8u
#define LIMIT_NOTSENT_SLOW_MS 32u

/* A read slab of a worker. */
#define LIMIT_READ_SLAB 65536u

/* Reads after a write has failed, to hear the peer's GOAWAY. */
#define LIMIT_LAST_READS 16u

/* Spare blocks that the allocator of one loop keeps. */
#define LIMIT_POOL_CACHED 8388608u

/* Accepts per wake-up: one listener must not starve the links. nginx accepts one, or all with
 * multi_accept. */
#define LIMIT_ACCEPTS 64u

/* Connections that wait for accept; the kernel caps it by net.core.somaxconn (4096). nginx 511, h2o
 * 65535. */
#define LIMIT_BACKLOG 4096

/* Listening sockets of one address for each worker of the proxy, so that all have as many: with
 * four none has a quarter more than another. */
#define LIMIT_DOORS_SHARE 4u

/* How often a link whose rate is limited may read or write: what comes in between is gathered. */
#define LIMIT_METER_STEP_MS 50u

/* Of what links share, one is given so much at least when its turn comes, or all that there is:
 * less is not worth a system call and a record of TLS. */
#define LIMIT_QUOTA_SHARE 4096u

/* What a proxy answers to CONNECT, with what follows it at once. */
#define LIMIT_TUNNEL_ANSWER 16384u

/* A header of the PROXY protocol, and how long it may take. Its text has 107 bytes at most, its
 * binary form 232 and what is added to it: nginx takes 4096 bytes; the specification wants 3 s at
 * least, so that a lost packet does no harm. */
#define LIMIT_PROXY_HEADER    4096u
#define LIMIT_PROXY_HEADER_MS 5000u

/* Pause after accept has run out of descriptors, and how often a longer one looks whether there are
 * some again; nginx 500 ms (accept_mutex_delay). */
#define LIMIT_ACCEPT_RETRY_MS 100u

/* After our side is shut: how long the peer may be silent before the socket is closed for good, and
 * how long in all. nginx lingering_timeout 5 s, lingering_time 30 s; RFC 9112 section 9.6. */
#define LIMIT_LINGER_MS      2000u
#define LIMIT_LINGER_MOST_MS 30000u

/* getaddrinfo calls at once in the process, each in a thread of its own that waits: some 50 KiB. */
#define LIMIT_LOOKUPS 64u

/* Of these for one line of clients, or for the program itself: as many as Firefox has threads for
 * them. When no name server answers, glibc takes 10 s and more for each. */
#define LIMIT_LOOKUPS_EACH 8u

/* Names that wait in such a line: a page of the web refers to tens of hosts. */
#define LIMIT_LOOKUPS_WAITING 64u

/* Lines of clients: networks beyond that share them (stochastic fairness queueing, McKenney 1990,
 * has as many as there are busy parties several times over). */
#define LIMIT_LOOKUP_LINES 256u

/* Addresses of one name that are tried; curl tries all, most names have 8 or fewer. */
#define LIMIT_ADDRESSES 16u

/* Connections without streams and without bytes; h2o 10 s, nghttpx 3 min, nginx 60 s. */
#define LIMIT_IDLE_MS 180000u

/* A full socket takes less than LIMIT_STALL_BYTES in this time; nghttpx 1 min. CVE-2019-9517 (the
 * windows are open and the socket is not read). */
#define LIMIT_WRITE_MS 60000u

/* Dialling one name, all addresses together; curl 300 s, nghttpx 30 s. */
#define LIMIT_DIAL_MS 30000u

/* How long a drain at the end of a worker may take before its connections are cut. */
#define LIMIT_DRAIN_MS 30000u

/* Pushed streams that a client takes on one connection; browsers took none since 2022. */
#define LIMIT_PUSHES 1000u

/* ---- TLS ---- */

/* Content of a record at most, and sealed: RFC 8446 sections 5.1 and 5.2. */
#define LIMIT_TLS_RECORD        16384u
#define LIMIT_TLS_SEALED_RECORD 16640u

/* Records of a connection that begins, or was idle for COLD_MS, carry so little that each fits a
 * packet of 1500 bytes, until WARM bytes have gone: a record can be read only once all of it is
 * there. nghttpx: 1300 bytes until 1 MiB, after 1 s; h2o 1400 until 64 KiB (and a full window). */
#define LIMIT_TLS_SMALL_RECORD 1370u
#define LIMIT_TLS_WARM         65536u
#define LIMIT_TLS_COLD_MS      1000

/* Sealed bytes that wait for the socket: what is sealed can no longer be overtaken. */
#define LIMIT_SEALED 131072u

/* A handshake takes no longer; nginx client_header_timeout 60 s (which covers it), h2o
 * handshake-timeout 10 s, nghttpx frontend-read-timeout. CVE-2007-6750. */
#define LIMIT_HANDSHAKE_MS 10000u

/* Handshakes under way in one loop, of 40 KiB each at most; for one more the one that has waited
 * longest for its peer goes. */
#define LIMIT_HANDSHAKES 1000u

/* Life of a server's tickets, and how often their key changes; nghttpx 12 h and 1 h. RFC 8446
 * section 4.6.1 allows 7 days. */
#define LIMIT_TICKET_SECONDS 3600u

/* Sessions that a client keeps to resume, one a server, and the bytes of one (TLS 1.2 keeps the
 * server's certificate in it). */
#define LIMIT_TICKETS      100u
#define LIMIT_TICKET_BYTES 16384u

/* Records written under one key before a KeyUpdate; RFC 8446 section 5.5 allows AES-GCM 2^24.5. */
#define LIMIT_TLS_RECORDS_PER_KEY 8388608u

/* Records without data in a row; OpenSSL's MAX_EMPTY_RECORDS. Session tickets count as such. */
#define LIMIT_TLS_EMPTY_RECORDS 32u

/* KeyUpdates that a peer may send at once (BoringSSL's kMaxKeyUpdates); each costs a few
 * microseconds and an answer. Another is granted for so many bytes of data, or after such a pause.
 */
#define LIMIT_TLS_KEY_UPDATES  32u
#define LIMIT_TLS_UPDATE_BYTES 4096u
#define LIMIT_TLS_UPDATE_MS    1000u

/* Alerts that end nothing, and renegotiations that are asked for although they are refused;
 * BoringSSL's kMaxWarningAlerts. */
#define LIMIT_TLS_WARNINGS 4u

/* Of a client's certificate: bytes of a name as text, and parts of it. Names of people and machines
 * have some 100 bytes in up to 8 parts; a certificate of 16 KiB could be one name. */
#define LIMIT_TLS_NAME       1024u
#define LIMIT_TLS_NAME_PARTS 64u

/* A NewSessionTicket message: a ticket (RFC 8446 section 4.6.1: below 65536 bytes) and what stands
 * around it. */
#define LIMIT_TLS_TICKET 66560u

/* Data in a record of a connection that is warm: nearly LIMIT_TLS_RECORD, so that four records fit
 * a block of 64 KiB (STRETCH). */
#define LIMIT_TLS_FULL_RECORD 16352u
#define LIMIT_TLS_STRETCH     65500u

/* ---- the proxy ---- */

/* Bytes of a pattern of --backend. Of a path no more needs to be in its normal form to be compared
 * with them. */
#define LIMIT_ROUTE_PATTERN 2048u

/* Fields that the Cookie fields of one request become toward HTTP/2; the last has what is left.
 * Chromium keeps 180 cookies of a site, and a peer's limit may be 100 fields in all
 * (LIMIT_HEADER_FIELDS). */
#define LIMIT_COOKIE_CRUMBS 32u

/* Fields of --add-request-header or --add-response-header. */
#define LIMIT_ADDED_FIELDS 64u

/* Pushes that the Link fields of one answer may ask for, and the bytes of a URI among them:
 * browsers send fewer preloads than that in a page, and each costs a request of its own. */
#define LIMIT_PRELOADS    32u
#define LIMIT_PRELOAD_URI 2048u

/* Values that options take: times (a day), buffers. */
#define LIMIT_OPTION_MS     86400000
#define LIMIT_OPTION_BUFFER 1073741824
#define LIMIT_OPTION_RATE   4294967295

/* Backends, all their patterns, frontends; certificates of a server or of all frontends: each is
 * read before it begins, and they are searched for the name that a client asks for. */
#define LIMIT_BACKENDS     10000
#define LIMIT_PATTERNS     10000u
#define LIMIT_FRONTENDS    64
#define LIMIT_CERTIFICATES 1000

/* A configuration file, how deep files may include each other (the first is 1), and how many are
 * read in all. */
#define LIMIT_CONF_BYTES 16777216u
#define LIMIT_CONF_DEPTH 16u
#define LIMIT_CONF_FILES 1000

/* How long a configuration that comes through a pipe may keep us waiting for more of it. */
#define LIMIT_CONF_WAIT_MS 3000

/* A password file's first line. */
#define LIMIT_PASSWORD 1024u

/* Content of a request to the API, at most by option; 32 MiB by default, as nghttpx. */
#define LIMIT_API_BODY 1073741824

/* A file of --error-page, which is kept in memory. */
#define LIMIT_ERROR_PAGE 1048576u

/* ---- what a client takes from a server ---- */

/* Of one page (-a): bytes that are looked through, bytes of one tag (a megabyte of attributes takes
 * the parser 3 s, two of them 12 s), elements that are open at once (it looks through all of them
 * at an end tag that fits none), addresses that are taken and that are looked
 * at. The largest pages of the web have some hundred of the same origin (HTTP Archive, 2024: median
 * 70 requests in all). */
#define LIMIT_HTML_BYTES  16777216u
#define LIMIT_HTML_TAG    65536
#define LIMIT_HTML_DEPTH  1024u
#define LIMIT_ASSETS      1000u
#define LIMIT_ASSET_LOOKS 10000u

/* Of one WebSocket message, all fragments together; nginx and browsers have none, ws of Node.js 100
 * MiB. */
#define LIMIT_MESSAGE 16777216u

/* A WebSocket that we closed and whose peer does not (RFC 6455 section 7.1.1 lets a client wait);
 * ws of Node.js 30 s. */
#define LIMIT_FAREWELL_MS 5000u

/* Times a request is sent when servers surely did not act on it (RFC 9113 section 8.7): once more,
 * and as long as each connection gets others done. */
#define LIMIT_TRIES          2u
#define LIMIT_TRIES_PROGRESS 10u

/* Expect: 100-continue that is not answered: the content goes anyway (RFC 9110 section 10.1.1);
 * curl 1 s.
 */
#define LIMIT_EXPECT_MS 1000u

/* ---- a proxy's connections to its backends, of one worker ---- */

/* HTTP/2 connections to one backend: more are made only while all are full. 64 of 100 streams are
 * what a worker's clients have open when 64 of them use all that LIMIT_STREAMS gives. */
#define LIMIT_BACKEND_LINKS 64u

/* HTTP/1.1 connections to one backend that are being made at once: accept queues of servers hold
 * 511 (nginx, Apache) or 128 (Python), for all that dial them. */
#define LIMIT_BACKEND_DIALS 100u

/* Requests that wait for a connection to one backend. Envoy's max_pending_requests is 1,024; 100
 * clients with 100 streams each must get over the moment of the first dial. */
#define LIMIT_BACKEND_WAITING 16384u

/* Origins that a forward proxy has connections to (PLAN_DIRECT): for one more, the one that has
 * been idle longest is given up. Chrome keeps 256 connections in all. */
#define LIMIT_ORIGINS 1024u

/* Ranges of ports in --origin-ports. Squid's Safe_ports come to eleven. */
#define LIMIT_PORT_RANGES 64u

/* Content that crosses a proxy: a piece that is copied has so much room, and what is longer stays
 * in the buffer it was read into, as long as all requests of a client pin no more than PINNED
 * bytes; then it is copied, and takes no more than the window of its stream. nghttpx keeps 128 KiB
 * of an answer. */
#define LIMIT_PROXY_PIECE  4096u
#define LIMIT_PROXY_PINNED 1048576u

/* Fields of the requests of one client that are kept until these are answered, with 40 bytes for
 * each field; one request always is, further ones get 503. HPACK makes 64 KiB of 15 bytes: 100
 * streams of one connection, in 12 KB, had a proxy keep 6 MB. A browser's 100 requests with cookies
 * of 8 KiB come to 1 MB. */
#define LIMIT_PROXY_FIELDS 2097152u

/* Members of Via in a request: forward proxies that lead to each other would ask in a circle until
 * they have no descriptors left (RFC 9110 section 7.6.3). */
#define LIMIT_HOPS 32u

/* Set-Cookie of an affinity: names and paths come from the configuration; RFC 6265 section 6.1 asks
 * of clients 4096 in all. */
#define LIMIT_AFFINITY_COOKIE 4096u

/* ---- files ---- */

/* Files whose bytes are kept: their size, and all of them together; open descriptors and stat
 * results kept. */
#define LIMIT_CACHE_FILE    65536u
#define LIMIT_CACHE_BYTES   33554432u
#define LIMIT_CACHE_ENTRIES 4096u

/* Results without a file (missing, directories): a flood of wrong paths must not push out the right
 * ones. */
#define LIMIT_CACHE_MISSING 512u

/* Files being opened or checked at once by one worker; more are answered FILE_BUSY. */
#define LIMIT_FILE_JOBS 1024u

/* Descriptors of bigger files that the caches of all workers keep together, and never more than a
 * fourth of RLIMIT_NOFILE. */
#define LIMIT_CACHE_DESCRIPTORS 1024u

/* A piece of a bigger file that is read at once, and what a stream holds of them. Pieces
 * of 64 KiB of 16 streams fall out of a 1 MiB cache before they are written: 10 % more CPU time per
 * GiB served. */
#define LIMIT_FILE_CHUNK 32768u
#define LIMIT_FILE_AHEAD 131072u

/* Address space for maps of bigger files, of all workers together: what is in memory of it takes a
 * 512th in page tables. What is beyond is read. */
#define LIMIT_MAP_BYTES 17179869184u

/* What is looked up in one go of whether it is in memory, and for how long that is believed. A
 * writev that waits for a disk holds up all links of the worker. */
#define LIMIT_MAP_PROBE    524288u
#define LIMIT_MAP_PROBE_MS 100u

/* A cached stat result or content is checked again after this time. In demand, it is from half of
 * it on; what becomes due within CHECK_MS is checked together, by as many as CHECKS in one visit to
 * the thread pool: 1,000 files each on their own took 13 % of the CPU of serving them. */
#define LIMIT_CACHE_FRESH_MS 1000u
#define LIMIT_CACHE_CHECK_MS 20u
#define LIMIT_FILE_CHECKS    64u

/* A path below the document root, decoded, and a name in it; POSIX PATH_MAX and Linux's NAME_MAX.
 */
#define LIMIT_PATH 4096u
#define LIMIT_NAME 255u

/* Files that are coded with gzip on the fly: their size at least (nginx gzip_min_length 20, Apache
 * 0; under a packet nothing is gained) and at most (0.3 s of work), how many at once in the
 * process, and what a worker keeps of the results. */
#define LIMIT_GZIP_LEAST   860u
#define LIMIT_GZIP_FILE    16777216u
#define LIMIT_GZIP_JOBS    2u
#define LIMIT_GZIP_BYTES   33554432u
#define LIMIT_GZIP_ENTRIES 1024u

/* Entries of a folder that a listing shows, and listings made at once by a worker. */
#define LIMIT_LISTING      10000u
#define LIMIT_LISTING_JOBS 4u

/* Listings and coded files that a worker has: those that are kept (LIMIT_GZIP_BYTES), and those
 * that only streams hold whose peers do not read. Beyond, files go out as they are, and listings
 * are answered 503. A stream asks for another with 30 bytes; a listing has up to 20 MiB.
 * CVE-2019-9517.
 */
#define LIMIT_BLOB_BYTES 100663296u

/* A mime.types file; Debian's has 72 KiB. */
#define LIMIT_TYPES_FILE 1048576u

/* Bytes of the fields that a request keeps while it waits for its file (conditions, ranges,
 * codings); when they are longer, it is answered as if they were not there. */
#define LIMIT_KEPT_FIELDS 2048u

/* Of a request, in a line of the access log; the rest is cut. */
#define LIMIT_LOG_TARGET 2048u
#define LIMIT_LOG_FIELD  512u

/* A line of the proxy's access log: what is longer is cut. */
#define LIMIT_LOG_LINE 8192u

/* Bytes of a message of the proxy's error log; how often what one place in the program says is
 * written at once and then in a second, for peers can cause it as often as they like. */
#define LIMIT_ERROR_LOG_MESSAGE 1024u
#define LIMIT_ERROR_LOG_BURST   20
#define LIMIT_ERROR_LOG_RATE    2

/* Lines of a worker that wait to be written; when the disk is slower, further ones are dropped, and
 * counted in the log. */
#define LIMIT_LOG_WAITING 1048576u

/* Ranges that one request may ask for; more are answered by the whole. Each part costs a header and
 * a body. CVE-2011-3192 ("Apache killer": 1,300 of them); Apache allows 200,
 * browsers and players ask for one. */
#define LIMIT_RANGES 16u

/* What a request that waits for its file keeps of its URI, for the redirect of a directory; what is
 * longer is redirected by its path alone. */
#define LIMIT_LOCATION 1024u

/* ---- files that our user gives ---- */

/* One case of the HPACK tools; a header block of a megabyte is far past what any peer accepts. */
#define LIMIT_CASE 16777216u

/* A list of URIs, a timing script, a file of requests or a body for load: some 10 million lines. */
#define LIMIT_LOAD_FILE 1073741824u

/* Headers of one line in a file of requests; servers of Debian take 100 fields (h2o, Apache). */
#define LIMIT_LOAD_HEADERS 100u

#endif
