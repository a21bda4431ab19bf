/* A broker that stores nothing, so that the limits of RabbitMQ do not hide those of a client.
 *
 * It accepts every login and discards published messages. It confirms the messages of one read with
 * one `multiple`. It streams deliveries that it has encoded before. It has a thread for each
 * connection.
 *
 *   queue.purge     sets the count of published messages to 0
 *   queue.declare   returns the count of published messages on all connections as message_count
 *   basic.consume   from the queue `stream.MESSAGES.SIZE` sends MESSAGES messages of SIZE bytes;
 *                   queue.declare of this queue returns the number of unacknowledged ones
 *
 * It prints its port, and ends with its standard input.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX 131072
#define FRAME_END 0xCE
#define OVERHEAD 8 /* of a frame: type, channel, size and end */
#define READ_SIZE (1 << 20)
#define BLOCK_SIZE (1 << 18) /* bytes of a stream that are encoded at once, approximately */
#define METHOD(class, number) ((class) << 16 | (number))

enum { FRAME_METHOD = 1, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT };

static atomic_ulong published;
static atomic_long left; /* unsent and unacknowledged messages of the last stream */

/* The stream to a consumer: a block of deliveries, which is sent repeatedly with new tags. */
struct stream {
    unsigned char *block;
    size_t message_size, tag_offset, offset; /* offset: sent bytes of the block */
    unsigned long in_block, filled;          /* deliveries that fit, and current deliveries */
    unsigned long total, sent, acked, prefetch;
    int no_ack;
};

struct channel {
    uint64_t body_left;     /* missing bytes of the current message */
    uint64_t confirm_count; /* messages since confirm.select */
    int confirming;
};

struct connection {
    int socket;
    unsigned char in[READ_SIZE];
    size_t in_size;
    struct channel *channels; /* by number */
    int unconfirmed;          /* number of the channel with unsent confirms, or 0 */
    unsigned long prefetch;
    struct stream stream;
    int ended;
};

/* -- writing */

struct out {
    unsigned char bytes[1024];
    size_t size;
};

static void put(struct out *out, uint64_t value, int size) {
    for (int i = size - 1; i >= 0; i--) out->bytes[out->size++] = value >> 8 * i;
}

static void put_bytes(struct out *out, const void *bytes, size_t size) {
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void put_short(struct out *out, const char *text) {
    put(out, strlen(text), 1);
    put_bytes(out, text, strlen(text));
}

static void begin_frame(struct out *out, int kind, int channel, uint32_t size) {
    put(out, kind, 1);
    put(out, channel, 2);
    put(out, size, 4);
}

static void begin_method(struct out *out, int channel, uint32_t method) {
    out->size = 0;
    begin_frame(out, FRAME_METHOD, channel, 0);
    put(out, method, 4);
}

static void end_frame(struct out *out) {
    uint32_t size = htobe32(out->size - 7);
    memcpy(out->bytes + 3, &size, 4);
    put(out, FRAME_END, 1);
}

/* Sends all bytes. It blocks if the client does not read its answers. */
static void send_all(struct connection *c, const unsigned char *bytes, size_t size) {
    if (send(c->socket, bytes, size, MSG_NOSIGNAL) != (ssize_t)size) c->ended = 1;
}

/* Ends the frame and sends it, but not in the middle of a delivery. */
static void answer(struct connection *c, struct out *out) {
    struct stream *s = &c->stream;
    size_t begun = s->block ? s->offset % s->message_size : 0, rest = s->message_size - begun;
    if (begun) {
        send_all(c, s->block + s->offset, rest);
        s->offset += rest;
    }
    end_frame(out);
    send_all(c, out->bytes, out->size);
}

/* Sends an answer whose arguments are zero bytes, as most answers are. */
static void answer_zeros(struct connection *c, int channel, uint32_t method, int zeros) {
    struct out out;
    begin_method(&out, channel, method);
    put(&out, 0, zeros);
    answer(c, &out);
}

/* Sends an answer with the name of a queue or a consumer, and numbers after it. */
static void answer_name(struct connection *c, int channel, uint32_t method, const char *name,
                        uint64_t numbers, int size) {
    struct out out;
    begin_method(&out, channel, method);
    put_short(&out, name);
    put(&out, numbers, size);
    answer(c, &out);
}

/* -- streaming deliveries */

/* Writes one delivery, and returns its size. */
static size_t encode_delivery(struct stream *s, unsigned char *at, int channel, const char *tag,
                              const char *queue, uint64_t body_size) {
    struct out out;
    begin_method(&out, channel, METHOD(60, 60));
    put_short(&out, tag);
    s->tag_offset = out.size;
    put(&out, 0, 8 + 1); /* delivery tag, redelivered */
    put_short(&out, "");
    put_short(&out, queue);
    end_frame(&out);
    begin_frame(&out, FRAME_HEADER, channel, 14);
    put(&out, (uint64_t)60 << 16, 4);
    put(&out, body_size, 8);
    put(&out, 0, 2); /* no properties */
    put(&out, FRAME_END, 1);
    memcpy(at, out.bytes, out.size);
    unsigned char *end = at + out.size;
    for (uint64_t size; body_size; body_size -= size) {
        size = body_size < FRAME_MAX - OVERHEAD ? body_size : FRAME_MAX - OVERHEAD;
        out.size = 0;
        begin_frame(&out, FRAME_BODY, channel, size);
        memcpy(end, out.bytes, 7);
        memset(end + 7, 'x', size);
        end[7 + size] = FRAME_END;
        end += size + OVERHEAD;
    }
    return end - at;
}

static void begin_stream(struct connection *c, int channel, const char *tag, const char *queue,
                         int no_ack) {
    struct stream *s = &c->stream;
    unsigned long total, size;
    if (sscanf(queue, "stream.%lu.%lu", &total, &size) != 2) return;
    free(s->block);
    *s = (struct stream){.total = total, .no_ack = no_ack};
    s->prefetch = c->prefetch ? c->prefetch : total;
    left = total;
    size_t room = size + (size / (FRAME_MAX - OVERHEAD) + 1) * OVERHEAD + 1024;
    s->block = malloc(BLOCK_SIZE + room);
    s->message_size = encode_delivery(s, s->block, channel, tag, queue, size);
    s->in_block = s->message_size < BLOCK_SIZE ? BLOCK_SIZE / s->message_size : 1;
    for (unsigned long i = 1; i < s->in_block; i++)
        memcpy(s->block + i * s->message_size, s->block, s->message_size);
}

/* Fills the block with deliveries up to the prefetch count. Returns whether there are any. */
static int fill_block(struct stream *s) {
    if (s->offset < s->filled * s->message_size) return 1;
    unsigned long count = s->total - s->sent, allowed = s->prefetch - (s->sent - s->acked);
    if (!s->no_ack && count > allowed) count = allowed;
    if (count > s->in_block) count = s->in_block;
    for (unsigned long i = 0; i < count; i++) {
        uint64_t tag = htobe64(s->sent + i + 1);
        memcpy(s->block + i * s->message_size + s->tag_offset, &tag, 8);
    }
    s->offset = 0;
    s->filled = count;
    s->sent += count;
    if (s->no_ack) left -= count;
    return count > 0;
}

/* Sends bytes until the socket is full or all are sent. Returns whether the socket is full. */
static int stream_on(struct connection *c) {
    struct stream *s = &c->stream;
    while (s->block && !c->ended && fill_block(s)) {
        size_t size = s->filled * s->message_size - s->offset;
        ssize_t sent = send(c->socket, s->block + s->offset, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) return 1; /* the next read finds a broken socket */
        s->offset += sent;
    }
    return 0;
}

/* Counts acknowledgements. Clients acknowledge in order, one by one or with `multiple`. */
static void acknowledge(struct connection *c, uint64_t tag, int multiple) {
    struct stream *s = &c->stream;
    unsigned long count = multiple ? (tag ? tag : s->sent) - s->acked : 1;
    s->acked += count;
    left -= count;
}

/* -- methods of the client */

/* Confirms all messages of the channel. */
static void confirm(struct connection *c) {
    struct out out;
    begin_method(&out, c->unconfirmed, METHOD(60, 80));
    put(&out, c->channels[c->unconfirmed].confirm_count, 8);
    put(&out, 1, 1); /* multiple */
    answer(c, &out);
    c->unconfirmed = 0;
}

static void count_message(struct connection *c, int number) {
    struct channel *channel = &c->channels[number];
    published++;
    if (!channel->confirming) return;
    if (c->unconfirmed && c->unconfirmed != number) confirm(c);
    c->unconfirmed = number;
    channel->confirm_count++;
}

/* The server properties. Some clients check the capabilities before they use them. */
static const char START[] = "\0\x09" "\0\0\0\x5f"
    "\x0c" "capabilities" "F" "\0\0\0\x3b"
        "\x12" "publisher_confirms" "t\1"
        "\x0a" "basic.nack" "t\1"
        "\x16" "consumer_cancel_notify" "t\1"
    "\x07" "version" "S" "\0\0\0\x05" "3.0.0"
    "\0\0\0\x05" "PLAIN" "\0\0\0\x05" "en_US";

static const char TUNE[] = "\x07\xff" "\0\x02\0\0" "\0\0"; /* channels, FRAME_MAX, no heartbeats */

static void answer_bytes(struct connection *c, uint32_t method, const char *bytes, size_t size) {
    struct out out;
    begin_method(&out, 0, method);
    put_bytes(&out, bytes, size);
    answer(c, &out);
}

static uint64_t get(const unsigned char *at, int size) {
    uint64_t value = 0;
    while (size--) value = value << 8 | *at++;
    return value;
}

/* Copies the short string with a zero at its end. Returns the start of the next field. */
static const unsigned char *take_short(const unsigned char *at, char *text) {
    memcpy(text, at + 1, *at);
    text[*at] = 0;
    return at + 1 + *at;
}

static void declare(struct connection *c, int channel, const unsigned char *arguments) {
    char queue[256];
    take_short(arguments + 2, queue);
    uint64_t count = strncmp(queue, "stream.", 7) ? published : (uint64_t)left;
    answer_name(c, channel, METHOD(50, 11), queue, count << 32, 8); /* no consumers */
}

static void consume(struct connection *c, int channel, const unsigned char *arguments) {
    char queue[256], tag[256];
    const unsigned char *flags = take_short(take_short(arguments + 2, queue), tag);
    if (!*tag) strcpy(tag, "null");
    answer_name(c, channel, METHOD(60, 21), tag, 0, 0);
    begin_stream(c, channel, tag, queue, *flags >> 1 & 1);
}

static void cancel(struct connection *c, int channel, const unsigned char *arguments) {
    char tag[256];
    take_short(arguments, tag);
    answer_name(c, channel, METHOD(60, 31), tag, 0, 0);
}

static void on_method(struct connection *c, int channel, uint32_t method, const unsigned char *at) {
    uint32_t ok = method + 1; /* the number of the method that answers it */
    struct channel *from = &c->channels[channel];
    switch (method) {
    case METHOD(60, 40): case METHOD(10, 31): return; /* basic.publish, connection.tune-ok */
    case METHOD(60, 80): return acknowledge(c, get(at, 8), at[8] & 1);
    case METHOD(60, 20): return consume(c, channel, at);
    case METHOD(60, 30): return cancel(c, channel, at);
    case METHOD(60, 10): c->prefetch = get(at + 4, 2); return answer_zeros(c, channel, ok, 0);
    case METHOD(50, 10): return declare(c, channel, at);
    case METHOD(50, 30): published = 0; return answer_zeros(c, channel, ok, 4);
    case METHOD(50, 40): return answer_zeros(c, channel, ok, 4); /* queue.delete */
    case METHOD(85, 10): from->confirming = 1; return answer_zeros(c, channel, ok, 0);
    case METHOD(20, 10): *from = (struct channel){0}; return answer_zeros(c, channel, ok, 4);
    case METHOD(20, 40): return answer_zeros(c, channel, ok, 0); /* channel.close */
    case METHOD(10, 11): return answer_bytes(c, METHOD(10, 30), TUNE, sizeof TUNE - 1);
    case METHOD(10, 40): return answer_zeros(c, channel, ok, 1);
    case METHOD(10, 50): answer_zeros(c, channel, ok, 0); c->ended = 1; return;
    case METHOD(10, 51): c->ended = 1; return;
    }
    fprintf(stderr, "the null broker has no method %u.%u\n", method >> 16, method & 0xFFFF);
    c->ended = 1;
}

static void on_frame(struct connection *c, int kind, int number, const unsigned char *at,
                     uint32_t size) {
    struct channel *channel = &c->channels[number];
    if (kind == FRAME_METHOD) return on_method(c, number, get(at, 4), at + 4);
    if (kind == FRAME_HEARTBEAT) return;
    channel->body_left = kind == FRAME_HEADER ? get(at + 4, 8) : channel->body_left - size;
    if (!channel->body_left) count_message(c, number);
}

/* Processes the complete frames of the received bytes, and returns their size. */
static size_t take_frames(struct connection *c) {
    size_t offset = 0;
    while (!c->ended && c->in_size - offset >= OVERHEAD) {
        const unsigned char *frame = c->in + offset;
        size_t size = get(frame + 3, 4);
        if (size <= FRAME_MAX - OVERHEAD && c->in_size - offset < size + OVERHEAD) break;
        if (size > FRAME_MAX - OVERHEAD || frame[7 + size] != FRAME_END) {
            fprintf(stderr, "the null broker has received an invalid frame\n");
            c->ended = 1;
            break;
        }
        on_frame(c, frame[0], get(frame + 1, 2), frame + 7, size);
        offset += size + OVERHEAD;
    }
    return offset;
}

static void read_on(struct connection *c) {
    ssize_t size = recv(c->socket, c->in + c->in_size, READ_SIZE - c->in_size, 0);
    if (size <= 0) c->ended = 1;
    else c->in_size += size;
    size_t taken = take_frames(c);
    memmove(c->in, c->in + taken, c->in_size - taken);
    c->in_size -= taken;
    if (c->unconfirmed) confirm(c);
}

static void *serve(void *socket) {
    struct connection *c = calloc(1, sizeof *c);
    c->channels = calloc(65536, sizeof *c->channels);
    c->socket = (int)(intptr_t)socket;
    c->ended = recv(c->socket, c->in, 8, MSG_WAITALL) != 8;
    answer_bytes(c, METHOD(10, 10), START, sizeof START - 1);
    while (!c->ended) {
        struct pollfd wanted = {c->socket, POLLIN | (stream_on(c) ? POLLOUT : 0), 0};
        if (poll(&wanted, 1, -1) > 0 && wanted.revents & (POLLIN | POLLHUP | POLLERR)) read_on(c);
    }
    close(c->socket);
    free(c->stream.block);
    free(c->channels);
    return free(c), NULL;
}

/* -- accepting connections */

static int listen_anywhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&address, size);
    if (listen(listener, 128)) exit(1);
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void) {
    struct pollfd wanted[2] = {{listen_anywhere(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    for (;;) {
        poll(wanted, 2, -1);
        if (wanted[1].revents) return 0;
        pthread_t thread;
        int on = 1, client = accept(wanted[0].fd, NULL, NULL);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)client);
        pthread_detach(thread);
    }
}
