/*
 * http.h - HTTPS requests, and nothing of any server's protocol: libcurl's door.
 *
 * TLS 1.2 or newer, certificate and host always verified, redirects not followed,
 * proxies only if configured, paths sent as they are.  A thread uses one struct
 * http at a time; each keeps its connections.
 */
#ifndef COURIER_HTTP_H
#define COURIER_HTTP_H

#include "common/bytes.h"

enum {
	HTTP_BODY_MAX = 4 * 1024 * 1024, /* bytes of an answer that is kept in memory */
	HTTP_CONNECT_MS = 15000,
	HTTP_STALL_MS = 60000,   /* no byte either way for so long: ERROR_TIMEOUT */
	HTTP_ANSWER_MS = 300000, /* all of http_send(): ERROR_TIMEOUT */
};

struct http;

/*
 * CA_FILE: PEM file of additional trusted authorities (NULL: the system's only);
 * PROXY: URL or NULL.  Both are copied, and first looked at by a request.
 */
NODISCARD bool http_new(const char *ca_file, const char *proxy, struct http **, struct error *);
void http_free(struct http *);
void http_cleanup(struct http **);

struct http_request {
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;
	struct bytes body;        /* none when at is NULL */
	const char *content_type; /* of the body */
	const char *bearer;       /* Authorization: Bearer ...; NULL none.  Secret */
	const char *headers[4];   /* further "Name: value"; NULL ends */
	uint64_t offset;          /* > 0: Range: bytes=offset- */
};

struct http_response {
	long status;
	struct buf body; /* at most HTTP_BODY_MAX; empty when it went to a sink */
	char content_type[128];
	char location[512];
	int64_t retry_after_s;             /* of Retry-After, seconds or date; 0: none */
	uint64_t range_first, range_total; /* of Content-Range; 0 total: none.  With
					    * status 416 only the total is given */
	char link[1024];                   /* the Link header */
};

/* Wipes the body, which may be a token.  Caller's memory; zero is fine. */
void http_response_free(struct http_response *);

/*
 * Any answer with a status is success (a body over HTTP_BODY_MAX is ERROR_MALFORMED); no answer
 * is ERROR_FAILED or ERROR_TIMEOUT with the host named (ERROR_USAGE for a URL that is not
 * https), never the query, a token or a body.  What is lost with a connection kept from an
 * earlier request is sent once more on a new one: say only what may be said twice.
 */
NODISCARD bool http_send(
	struct http *, const struct http_request *, struct http_response *, struct error *);

/* GET into SINK.  Only 200 (OFFSET 0) and 206 whose Content-Range starts at OFFSET
 * reach the sink; any other answer's body is kept in the response as by http_send()
 * (at most 64 KiB of it).  A body cut short is ERROR_FAILED after what came went to
 * the sink; an error of the sink ends the transfer and is returned. */
NODISCARD bool http_fetch(struct http *, const struct http_request *, struct sink,
	struct http_response *, struct error *);

/* Is RESPONSE one whose body http_fetch() gives to the sink? */
bool http_delivered(const struct http_request *, const struct http_response *);

#endif
