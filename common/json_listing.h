/*
 * json_listing.h - a document that is one object with one long array in it: the array
 * element by element, so that memory does not grow with its length.
 *
 * The limits of json.h hold for each element, and for the rest; the document may have
 * any number of elements within JSON_SIZE_MAX.
 */
#ifndef COMMON_JSON_LISTING_H
#define COMMON_JSON_LISTING_H

#include "common/json.h"

/*
 * Call VISIT (may be NULL) for each element of the array that the member NAME of DOCUMENT
 * is, until it returns false (then the error is its).  *REST is everything else, the
 * array empty; the caller frees it.  ERROR_MALFORMED when the document is none, or no
 * object, or has no such array: perhaps only after some elements were visited.
 */
NODISCARD bool json_listing_read(struct bytes document, enum json_dialect, const char *name,
	bool (*visit)(void *self, const struct json *element, struct error *), void *self,
	struct json **rest, struct error *);

/* Append a document: REST, an object without the member NAME, then that array.  NAME is
 * written as it is: letters and underscores. */
NODISCARD bool json_listing_begin(
	const struct json *rest, const char *name, struct buf *, struct error *);
NODISCARD bool json_listing_add(const struct json *element, struct buf *, struct error *);
NODISCARD bool json_listing_end(struct buf *, struct error *);

#endif
