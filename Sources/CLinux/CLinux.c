#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

_Static_assert(LINUX_EVENT_READABLE == EPOLLIN, "EPOLLIN");
_Static_assert(LINUX_EVENT_WRITABLE == EPOLLOUT, "EPOLLOUT");
_Static_assert(LINUX_EVENT_ERROR == EPOLLERR, "EPOLLERR");
_Static_assert(LINUX_EVENT_HANGUP == EPOLLHUP, "EPOLLHUP");
_Static_assert(LINUX_EVENT_PEER_CLOSED == EPOLLRDHUP, "EPOLLRDHUP");
_Static_assert(LINUX_EVENT_EXCLUSIVE == (uint32_t)EPOLLEXCLUSIVE, "EPOLLEXCLUSIVE");
_Static_assert(LINUX_EVENT_EDGE_TRIGGERED == (uint32_t)EPOLLET, "EPOLLET");

#define EVENTS_MAX 256

static int answer(int result) { return result < 0 ? -errno : result; }

int linux_epoll_create(void) { return answer(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int epoll, int operation, int descriptor, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data = {.u64 = data}};
  return answer(epoll_ctl(epoll, operation, descriptor, &event));
}

int linux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
  return control(epoll, EPOLL_CTL_ADD, descriptor, events, data);
}

int linux_epoll_remove(int epoll, int descriptor) {
  return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

int linux_epoll_wait(int epoll, linux_event *events, int count_max, int milliseconds) {
  struct epoll_event packed[EVENTS_MAX];
  int limit = count_max < EVENTS_MAX ? count_max : EVENTS_MAX;
  int count = epoll_wait(epoll, packed, limit, milliseconds);
  if (count < 0) return -errno;
  for (int i = 0; i < count; i++) {
    events[i].data = packed[i].data.u64;
    events[i].events = packed[i].events;
  }
  return count;
}

int linux_eventfd_create(void) { return answer(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int linux_eventfd_signal(int descriptor) {
  uint64_t one = 1;
  return write(descriptor, &one, sizeof one) < 0 ? -errno : 0;
}

int linux_eventfd_clear(int descriptor) {
  uint64_t count;
  return read(descriptor, &count, sizeof count) < 0 ? -errno : 0;
}

static int resolve(const char *host, uint16_t port, struct addrinfo **list) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
  char service[8];
  snprintf(service, sizeof service, "%u", (unsigned)port);
  int code = getaddrinfo(host[0] ? host : NULL, service, &hints, list);
  if (code == EAI_SYSTEM) return -errno;
  return code ? -(LINUX_RESOLVER_ERROR + (code < 0 ? -code : code)) : 0;
}

static int bound_socket(const struct addrinfo *entry, int shares_port) {
  int one = 1, zero = 0;
  int fd = socket(entry->ai_family, entry->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (shares_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (entry->ai_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(fd, entry->ai_addr, entry->ai_addrlen) < 0) {
    int failure = -errno;
    close(fd);
    return failure;
  }
  return fd;
}

/// The first address of the host that can be bound. IPv4 comes first, so that "localhost" is
/// 127.0.0.1, which is what every client tries.
static int bind_first(const char *host, uint16_t port, int shares_port) {
  struct addrinfo *list = NULL;
  int result = resolve(host, port, &list);
  if (result < 0) return result;
  result = -EADDRNOTAVAIL;
  const int families[2] = {AF_INET, AF_INET6};
  for (int i = 0; i < 2 && result < 0; i++)
    for (const struct addrinfo *entry = list; entry && result < 0; entry = entry->ai_next)
      if (entry->ai_family == families[i]) result = bound_socket(entry, shares_port);
  freeaddrinfo(list);
  return result;
}

int linux_probe_port(const char *host, uint16_t port) {
  int fd = bind_first(host, port, 0);
  if (fd < 0) return fd;
  close(fd);
  return 0;
}

static int local_port(int fd, uint16_t *port) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  if (getsockname(fd, (struct sockaddr *)&local, &length) < 0) return -errno;
  *port = ntohs(local.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&local)->sin6_port
                                            : ((struct sockaddr_in *)&local)->sin_port);
  return 0;
}

int linux_listen(const char *host, uint16_t port, int shares_port, int backlog,
                 uint16_t *bound_port) {
  int fd = bind_first(host, port, shares_port);
  if (fd < 0) return fd;
  int one = 1;
  // Accepted sockets inherit TCP_NODELAY on Linux: one call here instead of one a connection.
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int failure = listen(fd, backlog) < 0 ? -errno : local_port(fd, bound_port);
  if (failure < 0) {
    close(fd);
    return failure;
  }
  return fd;
}

int linux_adopt_listener(int descriptor, uint16_t *port) {
  int type = 0, listens = 0, one = 1;
  socklen_t length = sizeof type;
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return -errno;
  length = sizeof listens;
  if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0) return -errno;
  if (type != SOCK_STREAM || !listens) return -EINVAL;
  int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  struct sockaddr_storage local;
  length = sizeof local;
  if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return -errno;
  *port = 0;
  if (local.ss_family != AF_INET && local.ss_family != AF_INET6) return descriptor;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int failure = local_port(descriptor, port);
  return failure < 0 ? failure : descriptor;
}

int linux_listener_text(int descriptor, char *text, size_t count) {
  struct sockaddr_storage local = {0};
  socklen_t length = sizeof local;
  char host[INET6_ADDRSTRLEN] = "";
  if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return -errno;
  if (local.ss_family == AF_UNIX)
    return snprintf(text, count, "unix:%s", ((struct sockaddr_un *)&local)->sun_path);
  int is_v6 = local.ss_family == AF_INET6;
  const void *address = is_v6 ? (const void *)&((struct sockaddr_in6 *)&local)->sin6_addr
                              : (const void *)&((struct sockaddr_in *)&local)->sin_addr;
  if (!inet_ntop(local.ss_family, address, host, sizeof host)) return -errno;
  uint16_t port = 0;
  int failure = local_port(descriptor, &port);
  if (failure < 0) return failure;
  return snprintf(text, count, is_v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)port);
}

int linux_is_local_listener(int descriptor) {
  struct sockaddr_storage local;
  socklen_t length = sizeof local;
  if (getsockname(descriptor, (struct sockaddr *)&local, &length) < 0) return 0;
  if (local.ss_family == AF_UNIX) return 1;
  if (local.ss_family == AF_INET)
    return ntohl(((struct sockaddr_in *)&local)->sin_addr.s_addr) >> 24 == 127;
  return local.ss_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&local)->sin6_addr);
}

static void copy_address(const struct sockaddr_storage *from, linux_address *to) {
  memset(to, 0, sizeof *to);
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    memcpy(to->bytes, &v4->sin_addr, 4);
    to->family = 4;
    to->port = ntohs(v4->sin_port);
  } else if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    int mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
    memcpy(to->bytes, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    to->family = mapped ? 4 : 6;
    to->port = ntohs(v6->sin6_port);
  }
}

int linux_accept(int listener, linux_address *peer) {
  struct sockaddr_storage from = {0};
  socklen_t length = sizeof from;
  int fd = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return -errno;
  copy_address(&from, peer);
  return fd;
}

int64_t linux_receive(int socket, void *buffer, size_t count) {
  ssize_t received = recv(socket, buffer, count, 0);
  return received < 0 ? -errno : received;
}

int64_t linux_send(int socket, const void *first, size_t first_count, const void *second,
                   size_t second_count) {
  ssize_t sent;
  if (second_count == 0) {
    sent = send(socket, first, first_count, MSG_NOSIGNAL);
  } else {
    struct iovec parts[2] = {{(void *)first, first_count}, {(void *)second, second_count}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  }
  return sent < 0 ? -errno : sent;
}

int linux_shutdown_writes(int socket) { return answer(shutdown(socket, SHUT_WR)); }

int linux_close(int descriptor) { return answer(close(descriptor)); }

int linux_address_text(const linux_address *address, char *text, size_t count) {
  int family = address->family == 6 ? AF_INET6 : AF_INET;
  if (!inet_ntop(family, address->bytes, text, (socklen_t)count)) return -errno;
  return (int)strlen(text);
}

int linux_error_text(int code, char *text, size_t count) {
  int positive = code < 0 ? -code : code;
  const char *message = positive > LINUX_RESOLVER_ERROR
                            ? gai_strerror(-(positive - LINUX_RESOLVER_ERROR))
                            : strerrordesc_np(positive);
  snprintf(text, count, "%s", message ? message : "unknown error");
  return (int)strlen(text);
}

int linux_send_datagram(const char *path, const char *text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
  int failure = sent < 0 ? -errno : 0;
  close(fd);
  return failure;
}

int64_t linux_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  if (limit.rlim_cur < limit.rlim_max) {
    struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

uint64_t linux_monotonic_nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int64_t linux_wall_clock_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (int64_t)now.tv_sec;
}
