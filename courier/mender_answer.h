/*
 * mender_answer.h - what a Mender server says, read from bytes: pure, with limits.
 *
 * An answer is hostile until it parsed: it may be a login page, cut short, or made to
 * be misread.  Members we do not know are ignored, as the official clients do.
 */
#ifndef COURIER_MENDER_ANSWER_H
#define COURIER_MENDER_ANSWER_H

#include "courier/admin/admin_kind.h"
#include "courier/server.h"

enum {
	MENDER_TOKEN_MAX = 16 * 1024, /* bytes of a token */
	MENDER_URL_MAX = 8 * 1024,    /* bytes of a download URL */
	MENDER_WORDS_MAX = 160,       /* bytes of an error a person is shown */
	MENDER_DEVICES_MAX = 500,     /* devices on a page: the server's own limit */
};

/* Is it an id that may stand in a path?  1 to 64 letters, digits and dashes. */
bool mender_id_valid(const char *id);

/* Is it a web page?  Gateways, and networks that ask to log in, answer everything with one,
 * and call that a success. */
bool mender_is_page(struct bytes body);
#define MENDER_PAGE                                                                            \
	"a web page: if this network asks to log in, do so in a browser, then try again"

/* RFC 3339, "2026-11-22T10:00:00Z", with any offset; fractions are cut off. */
NODISCARD bool mender_time_parse(const char *text, int64_t *unix_seconds, struct error *);
enum { MENDER_TIME_SIZE = 32 };
void mender_time_print(int64_t unix_seconds, char text[static MENDER_TIME_SIZE]);

/* A bare token, three base64url parts.  Replaces what *TOKEN holds, wiping it. */
NODISCARD bool mender_answer_token(struct bytes body, struct buf *token, struct error *);
/* buf_free() that leaves nothing in memory. */
void mender_token_free(struct buf *);

/* What a token says of itself.  Nothing verifies it: good to know when it ends, not
 * to trust. */
struct mender_claims {
	char device[ADMIN_ID_MAX + 1]; /* sub */
	char set[ADMIN_ID_MAX + 1];    /* jti */
	int64_t expires;               /* Unix seconds */
};

NODISCARD bool mender_answer_claims(struct bytes token, struct mender_claims *, struct error *);

/* The answer 200 of `next`.  REQUEST of the assignment stays NULL.  ERROR_FAILED when
 * the server wants a pause on the way (update_control_map): nobody can press
 * "continue" on site. */
NODISCARD bool mender_answer_next(
	struct bytes body, struct server_assignment *, struct error *);

/* "error" of an error body as one line for people; empty when there is none. */
void mender_answer_words(struct bytes body, char words[static MENDER_WORDS_MAX + 1]);

/* One device of the management API, and a page of them. */
NODISCARD bool mender_answer_device(struct bytes body, struct admin_device *, struct error *);

struct mender_page {
	struct admin_device *at;
	size_t count;
};

NODISCARD bool mender_answer_devices(struct bytes body, struct mender_page *, struct error *);
void mender_page_free(struct mender_page *); /* caller's memory; zero is fine */

#endif
