/*
 * A link with a round trip: passes octets on, each way as many milliseconds later.
 *
 *     delay HOST PORT MILLISECONDS        HOST is numeric
 *
 * Prints its own port, then for each line on its standard input the processor seconds
 * since the line before, as JSON. Ends with its input.
 *
 * Two threads carry each way: one reads and writes down when, one waits and writes.
 * Between them lies at most WINDOW, so that the writer feels a slow reader, as over a
 * real link; within it nothing is throttled. Connecting takes no time, and TCP's slow
 * start is left out: both matter once in a connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 64 * 1024, WINDOW = 16 * 1024 * 1024 };

struct piece {
    struct piece *next;
    struct timespec due;
    ssize_t size; /* nothing, or less: the sender has finished */
    char octets[PIECE];
};

struct way {
    int from, to;
    pthread_mutex_t lock;
    pthread_cond_t arrived, left;
    struct piece *first, *last;
    size_t waiting;
};

static long delay_ns;
static struct sockaddr_in target = {.sin_family = AF_INET};

static void *receive(void *argument)
{
    struct way *way = argument;
    for (ssize_t size = 1; size > 0;) {
        struct piece *piece = malloc(sizeof *piece);
        if (!piece)
            exit(1);
        size = piece->size = read(way->from, piece->octets, PIECE);
        clock_gettime(CLOCK_MONOTONIC, &piece->due);
        piece->due.tv_nsec += delay_ns;
        piece->due.tv_sec += piece->due.tv_nsec / 1000000000;
        piece->due.tv_nsec %= 1000000000;
        piece->next = NULL;
        pthread_mutex_lock(&way->lock);
        while (way->waiting > WINDOW)
            pthread_cond_wait(&way->left, &way->lock);
        *(way->first ? &way->last->next : &way->first) = piece;
        way->last = piece;
        way->waiting += size > 0 ? size : 0;
        pthread_cond_signal(&way->arrived);
        pthread_mutex_unlock(&way->lock);
    }
    return NULL;
}

static struct piece *next_piece(struct way *way)
{
    pthread_mutex_lock(&way->lock);
    while (!way->first)
        pthread_cond_wait(&way->arrived, &way->lock);
    struct piece *piece = way->first;
    way->first = piece->next;
    way->waiting -= piece->size > 0 ? piece->size : 0;
    pthread_cond_signal(&way->left);
    pthread_mutex_unlock(&way->lock);
    return piece;
}

static void *pass_on(void *argument)
{
    struct way *way = argument;
    for (ssize_t size = 1; size > 0;) {
        struct piece *piece = next_piece(way);
        size = piece->size;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &piece->due, NULL);
        for (ssize_t sent = 0, more = 1; sent < size && more > 0; sent += more)
            if ((more = write(way->to, piece->octets + sent, size - sent)) <= 0)
                shutdown(way->from, SHUT_RD); /* nobody reads: let nobody write */
        free(piece);
    }
    shutdown(way->to, SHUT_WR);
    return NULL;
}

/* Carry both ways of one connection, then close it. */
static void *carry(void *argument)
{
    int near = (int)(long)argument, far = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    struct way ways[2] = {{.from = near, .to = far}, {.from = far, .to = near}};
    pthread_t threads[4];
    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (!connect(far, (void *)&target, sizeof target)) {
        for (int i = 0; i < 4; i++)
            pthread_create(threads + i, NULL, i < 2 ? receive : pass_on, ways + i % 2);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    close(near);
    close(far);
    return NULL;
}

static void *report(void *argument)
{
    (void)argument;
    double before = 0;
    for (char asked[64]; read(STDIN_FILENO, asked, sizeof asked) > 0;) {
        struct timespec used;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
        double cpu_s = used.tv_sec + used.tv_nsec / 1e9;
        dprintf(STDOUT_FILENO, "{\"cpu_s\": %f}\n", cpu_s - before);
        before = cpu_s;
    }
    exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 4 || !inet_aton(argv[1], &target.sin_addr))
        return 2;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t size = sizeof own;
    pthread_t thread;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons(atoi(argv[2]));
    delay_ns = atof(argv[3]) * 1e6;
    signal(SIGPIPE, SIG_IGN);
    if (bind(listener, (void *)&own, size) || listen(listener, 1024) ||
        getsockname(listener, (void *)&own, &size))
        return 1;
    dprintf(STDOUT_FILENO, "%d\n", ntohs(own.sin_port));
    pthread_create(&thread, NULL, report, NULL);
    for (int near; (near = accept(listener, NULL, NULL)) >= 0;)
        if (pthread_create(&thread, NULL, carry, (void *)(long)near) ||
            pthread_detach(thread))
            return 1;
    return 1;
}
