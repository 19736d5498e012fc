#include "tests/fuzz/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

enum { BACKLOG = 16, BLOCK_SIZE = 16384 };

static struct sockaddr_in at_port(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static void turn_on(int descriptor, int option)
{
    int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, option, &on, sizeof(on));
}

/* Segments that are sent are segments. */
static int prepare(int descriptor)
{
    turn_on(descriptor, TCP_NODELAY);
    return descriptor;
}

int loopback_listen(uint16_t *port)
{
    struct sockaddr_in address = at_port(0);
    socklen_t size = sizeof(address);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    require(descriptor >= 0 && bind(descriptor, (struct sockaddr *)&address, size) == 0 &&
            listen(descriptor, BACKLOG) == 0 &&
            getsockname(descriptor, (struct sockaddr *)&address, &size) == 0);
    *port = ntohs(address.sin_port);
    return descriptor;
}

int loopback_accept(int listener)
{
    int descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return descriptor < 0 ? descriptor : prepare(descriptor);
}

int loopback_connect(uint16_t port)
{
    struct sockaddr_in address = at_port(port);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    require(descriptor >= 0);
    require(connect(descriptor, (struct sockaddr *)&address, sizeof(address)) == 0 ||
            errno == EINPROGRESS);
    return prepare(descriptor);
}

size_t loopback_write(int socket, struct bytes data)
{
    ssize_t size = send(socket, data.data, data.size, MSG_NOSIGNAL);
    return size > 0 ? (size_t)size : 0;
}

bool loopback_read(int socket, struct buffer *input)
{
    uint8_t block[BLOCK_SIZE];
    ssize_t size;
    while ((size = recv(socket, block, sizeof(block), 0)) > 0)
        buffer_append(input, block, (size_t)size);
    turn_on(socket, TCP_QUICKACK); /* the other side may wait for it before it sends more */
    return size < 0 && (errno == EAGAIN || errno == EINTR);
}

void loopback_close(int socket)
{
    struct linger reset = {.l_onoff = 1};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(socket);
}
