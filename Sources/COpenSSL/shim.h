#pragma once
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <time.h>

// What OpenSSL has as macros of its control functions, which Swift does not see.

static inline int overt_ssl_context_set_min_version(SSL_CTX *context, int version) {
  return SSL_CTX_set_min_proto_version(context, version);
}
static inline int overt_ssl_set_version(SSL *session, int version) {
  return SSL_set_min_proto_version(session, version) && SSL_set_max_proto_version(session, version);
}
static inline void overt_ssl_context_set_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_mode(context, mode);
}
static inline void overt_ssl_context_disable_session_cache(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}
/// Renegotiation is a peer's way to make a server work; compression tells lengths (CRIME).
static inline void overt_ssl_context_refuse_old_ways(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
}
static inline size_t overt_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

/// Seconds since 1970 of a certificate's last moment; 0 if it cannot be told.
static inline int64_t overt_certificate_not_after(const X509 *certificate) {
  struct tm time = {0};
  if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time)) return 0;
  return (int64_t)timegm(&time);
}
