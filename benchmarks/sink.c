/*
 * An SMTP server on loopback that takes everything, checks it and keeps only counts.
 *
 *     sink [-P] [-C]          without PIPELINING; without CHUNKING
 *
 * Prints its port, then JSON for each line on its standard input: what has come since
 * the line before. Ends with its input.
 * One thread serves all connections: it must cost less than the fastest sender. A turn
 * reads into a buffer that fits the processor's cache, and answers with one write. A
 * message is broken if it has a bare LF (not looked for in chunks) or does not end with
 * MIME's last boundary, perhaps an empty line behind it (smtp-source adds one).
 * Source: RFC 5321, RFC 2920 (PIPELINING), RFC 3030 (CHUNKING).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2048, TURN_BYTES = 1 << 17, REPLY_BYTES = 1 << 16 };
enum { NUMBERS = 1 << 24, TAIL = 6, EVENTS = 64 };
enum step { READY, HAS_SENDER, HAS_RECIPIENT, IN_DATA, IN_CHUNK, LEAVING, AS_IT_WAS };

struct peer {
    int fd;
    enum step step, before; /* IN_CHUNK: the step before it */
    int starts_line;        /* IN_DATA: the next octet is the first of its line */
    int is_broken, is_last; /* a bare LF was seen; BDAT said LAST */
    size_t chunk;           /* IN_CHUNK: octets still to come */
    size_t held;            /* octets in `line`: a line's beginning */
    char line[LINE_BYTES];
    char tail[TAIL]; /* the last octets of the content so far */
};

static char hello[128] = "250-sink\r\n250-SIZE\r\n250-8BITMIME\r\n";
static const char *const out_of_order = "503 5.5.1 out of order\r\n";

/* A command, the steps it may come at, the one it leads to, and the answer. */
static const struct rule {
    char verb[5];
    enum step first, last, next;
    const char *reply;
} rules[] = {
    {"MAIL", READY, READY, HAS_SENDER, "250 2.1.0 Ok\r\n"},
    {"RCPT", HAS_SENDER, HAS_RECIPIENT, HAS_RECIPIENT, "250 2.1.5 Ok\r\n"},
    {"DATA", HAS_RECIPIENT, HAS_RECIPIENT, IN_DATA, "354 go on\r\n"},
    {"BDAT", READY, HAS_RECIPIENT, IN_CHUNK, ""},
    {"RSET", READY, HAS_RECIPIENT, READY, "250 2.0.0 Ok\r\n"},
    {"EHLO", READY, HAS_RECIPIENT, READY, hello},
    {"HELO", READY, HAS_RECIPIENT, READY, "250 sink\r\n"},
    {"NOOP", READY, HAS_RECIPIENT, AS_IT_WAS, "250 2.0.0 Ok\r\n"},
    {"QUIT", READY, HAS_RECIPIENT, LEAVING, "221 2.0.0 bye\r\n"},
    {"", READY, HAS_RECIPIENT, AS_IT_WAS, "500 5.5.2 unknown\r\n"},
};

static struct {
    unsigned long messages, distinct, broken, refused, bytes;
    double first, last, cpu_s; /* instants of CLOCK_MONOTONIC; processor seconds */
} count;

static unsigned char seen[NUMBERS / 8]; /* the numbers in recipients' addresses */
static char turn[LINE_BYTES + TURN_BYTES], replies[REPLY_BYTES];
static size_t replied;
static double seconds(clockid_t clock)
{
    struct timespec at;
    return clock_gettime(clock, &at), at.tv_sec + at.tv_nsec / 1e9;
}

static void report(void)
{
    double cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID);
    dprintf(STDOUT_FILENO,
            "{\"messages\": %lu, \"distinct\": %lu, \"broken\": %lu, \"refused\": %lu, "
            "\"bytes\": %lu, \"first\": %f, \"last\": %f, \"cpu_s\": %f}\n",
            count.messages, count.distinct, count.broken, count.refused, count.bytes,
            count.first, count.last, cpu_s - count.cpu_s);
    memset(&count, 0, sizeof count), memset(seen, 0, sizeof seen);
    count.cpu_s = cpu_s;
}

static void answer(const char *reply)
{
    if (replied + strlen(reply) >= sizeof replies)
        exit(1); /* no sender here lets so much wait */
    count.refused += reply[0] == '5';
    replied = stpcpy(replies + replied, reply) - replies;
}

/* Two recipients are the same when the first number in their addresses is. */
static void note_recipient(const char *line)
{
    unsigned long number = strtoul(line + strcspn(line, "0123456789\n"), NULL, 10);
    unsigned char *place = seen + number % NUMBERS / 8, bit = 1 << number % 8;
    count.distinct += !(*place & bit), *place |= bit;
}

static void remember(struct peer *peer, const char *from, size_t size)
{
    size_t keep = size < TAIL ? TAIL - size : 0;
    memmove(peer->tail, peer->tail + TAIL - keep, keep);
    memcpy(peer->tail + keep, from + size - (TAIL - keep), TAIL - keep);
}

static void finish_message(struct peer *peer)
{
    count.last = seconds(CLOCK_MONOTONIC);
    count.first = count.messages++ ? count.first : count.last;
    const char *end = peer->tail[3] == '\n' ? peer->tail : peer->tail + 2;
    count.broken += peer->is_broken || memcmp(end, "--\r\n", 4);
    peer->step = READY;
    answer("250 2.0.0 Ok: queued\r\n");
}

/* The `take_` functions take what they can, and return where they stopped: at `from`
 * when there is only the beginning of a line. */
static const char *take_chunk(struct peer *peer, const char *from, const char *end)
{
    size_t there = end - from, size = there < peer->chunk ? there : peer->chunk;
    remember(peer, from, size);
    peer->chunk -= size;
    if (peer->chunk)
        return end;
    peer->step = peer->before;
    if (peer->step == HAS_RECIPIENT && peer->is_last)
        finish_message(peer);
    else
        answer(peer->step == HAS_RECIPIENT ? "250 2.0.0 Ok: more\r\n" : out_of_order);
    return from + size;
}

static const char *take_data(struct peer *peer, const char *from, const char *end)
{
    const char *begin = from;
    while (from < end) {
        if (peer->starts_line && *from == '.' && end - from < 3)
            break;
        if (peer->starts_line && *from == '.' && !memcmp(from, ".\r\n", 3)) {
            remember(peer, begin, from - begin);
            finish_message(peer);
            return from + 3;
        }
        const char *feed = memchr(from, '\n', end - from);
        const char *before = feed > begin ? feed - 1 : peer->tail + TAIL - 1;
        peer->is_broken |= feed && *before != '\r';
        peer->starts_line = feed != NULL;
        from = feed ? feed + 1 : end;
    }
    remember(peer, begin, from - begin);
    return from;
}

static const char *take_command(struct peer *peer, const char *from, const char *end)
{
    const char *feed = memchr(from, '\n', end - from);
    const struct rule *rule = rules;
    if (!feed++)
        return from;
    while (*rule->verb && strncasecmp(from, rule->verb, strlen(rule->verb)))
        rule++;
    if (peer->step < rule->first || peer->step > rule->last) {
        answer(out_of_order);
        return feed;
    }
    answer(rule->reply);
    peer->before = peer->step;
    peer->step = rule->next == AS_IT_WAS ? peer->step : rule->next;
    peer->starts_line = 1, peer->is_broken = 0;
    if (rule->next == HAS_RECIPIENT)
        note_recipient(from);
    if (rule->next == IN_CHUNK) {
        peer->chunk = strtoul(from + 4, NULL, 10);
        peer->is_last = feed - from > 6 && !strncasecmp(feed - 6, "LAST\r\n", 6);
        return peer->chunk ? feed : take_chunk(peer, feed, feed);
    }
    return feed;
}

/* Read once and answer what that completes; part when the connection is over. */
static void serve(struct peer *peer)
{
    memcpy(turn, peer->line, peer->held);
    ssize_t size = read(peer->fd, turn + peer->held, TURN_BYTES);
    const char *from = turn, *end = turn + peer->held + size, *stop = NULL;
    replied = 0;
    while (size > 0 && from < end && from != stop && peer->step != LEAVING) {
        stop = from;
        from = peer->step == IN_DATA    ? take_data(peer, from, end)
               : peer->step == IN_CHUNK ? take_chunk(peer, from, end)
                                        : take_command(peer, from, end);
    }
    count.bytes += size > 0 ? size : 0;
    peer->held = end - from;
    int is_over = size <= 0 || peer->held > LINE_BYTES || peer->step == LEAVING;
    if ((!replied || write(peer->fd, replies, replied) > 0) && !is_over)
        memcpy(peer->line, from, peer->held);
    else
        close(peer->fd), free(peer);
}

static void welcome(int events, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    struct peer *peer = calloc(1, sizeof *peer);
    struct epoll_event ready = {.events = EPOLLIN, .data.ptr = peer};
    if (fd < 0 || !peer || write(fd, "220 sink ESMTP\r\n", 16) != 16)
        exit(1);
    peer->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_ctl(events, EPOLL_CTL_ADD, fd, &ready);
}

int main(int argc, char **argv)
{
    int chunks = 1, pipelines = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    for (int option; (option = getopt(argc, argv, "PC")) != -1;)
        *(option == 'P' ? &pipelines : &chunks) = 0;
    sprintf(hello + strlen(hello), "%s%s250 ENHANCEDSTATUSCODES\r\n",
            pipelines ? "250-PIPELINING\r\n" : "", chunks ? "250-CHUNKING\r\n" : "");
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&at, size) || listen(listener, 1024) ||
        getsockname(listener, (void *)&at, &size))
        return 1;
    dprintf(STDOUT_FILENO, "%d\n", ntohs(at.sin_port));
    int events = epoll_create1(0);
    struct epoll_event ready[EVENTS] = {{.events = EPOLLIN, .data.ptr = &events}};
    epoll_ctl(events, EPOLL_CTL_ADD, STDIN_FILENO, ready);
    ready->data.ptr = &listener;
    epoll_ctl(events, EPOLL_CTL_ADD, listener, ready);
    for (char asked[64];;) {
        int some = epoll_wait(events, ready, EVENTS, -1);
        for (int i = 0; i < some; i++)
            if (ready[i].data.ptr == &listener)
                welcome(events, listener);
            else if (ready[i].data.ptr != &events)
                serve(ready[i].data.ptr);
            else if (read(STDIN_FILENO, asked, sizeof asked) > 0)
                report();
            else
                return 0;
    }
}
