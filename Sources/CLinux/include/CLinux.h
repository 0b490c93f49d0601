// The few Linux calls that Swift's Glibc overlay does not show (epoll, eventfd, accept4), and the
// socket calls whose C shape (packed structs, address casts) would be unsafe in Swift.
//
// Every function answers a value >= 0, or the negated errno, so that Swift never reads errno.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>

#define LINUX_EVENT_READABLE 0x001u
#define LINUX_EVENT_WRITABLE 0x004u
#define LINUX_EVENT_ERROR 0x008u
#define LINUX_EVENT_HANGUP 0x010u
#define LINUX_EVENT_PEER_CLOSED 0x2000u
#define LINUX_EVENT_EDGE_TRIGGERED 0x80000000u
#define LINUX_EVENT_EXCLUSIVE 0x10000000u

/// Added to a getaddrinfo code (and negated) so that it cannot be taken for an errno.
#define LINUX_RESOLVER_ERROR 10000

/// `struct epoll_event` without its packing.
typedef struct {
  uint64_t data;
  uint32_t events;
} linux_event;

/// A peer's address: `family` is 4 or 6; an IPv4 address fills the first four bytes of `bytes`.
/// An IPv4-mapped IPv6 address is given as IPv4.
typedef struct {
  uint8_t bytes[16];
  uint16_t port;
  uint8_t family;
} linux_address;

int linux_epoll_create(void);
int linux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int linux_epoll_remove(int epoll, int descriptor);
int linux_epoll_wait(int epoll, linux_event *_Nonnull events, int count_max, int milliseconds);

int linux_eventfd_create(void);
int linux_eventfd_signal(int descriptor);
int linux_eventfd_clear(int descriptor);

/// A listening, non-blocking, close-on-exec socket; `*bound_port` is the port that it really has.
/// With `shares_port` several sockets may listen on one port (SO_REUSEPORT).
int linux_listen(const char *_Nonnull host, uint16_t port, int shares_port, int backlog,
                 uint16_t *_Nonnull bound_port);
/// Makes a descriptor that this process was started with non-blocking and close-on-exec. Answers
/// -EINVAL if it is not a listening stream socket. `*port` is 0 for a local socket.
int linux_adopt_listener(int descriptor, uint16_t *_Nonnull port);
/// Writes where a socket listens as text: `127.0.0.1:80`, `[::1]:80` or `unix:/path`.
int linux_listener_text(int descriptor, char *_Nonnull text, size_t count);
/// Whether a listening socket takes connections from this machine alone: 1 or 0.
int linux_is_local_listener(int descriptor);
/// Answers 0 if nobody listens on the address, or -EADDRINUSE.
int linux_probe_port(const char *_Nonnull host, uint16_t port);
int linux_accept(int listener, linux_address *_Nonnull peer);
int64_t linux_receive(int socket, void *_Nonnull buffer, size_t count);
/// Sends two buffers as one write, without SIGPIPE.
int64_t linux_send(int socket, const void *_Nullable first, size_t first_count,
                   const void *_Nullable second, size_t second_count);
int linux_shutdown_writes(int socket);
int linux_close(int descriptor);

/// Writes the numeric address as text into `text`; answers its length.
int linux_address_text(const linux_address *_Nonnull address, char *_Nonnull text, size_t count);
/// The text for an errno or for one of the resolver's codes, both as answered above.
int linux_error_text(int code, char *_Nonnull text, size_t count);

/// Sends one datagram to the local socket `path`; a first '@' is the abstract namespace (unix(7)).
int linux_send_datagram(const char *_Nonnull path, const char *_Nonnull text);
/// Raises the limit of open descriptors as far as the system lets us; answers it.
int64_t linux_raise_descriptor_limit(void);

uint64_t linux_monotonic_nanoseconds(void);
int64_t linux_wall_clock_seconds(void);

#endif
