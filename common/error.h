/*
 * error.h - how a function says why it failed.
 *
 * A function that can fail returns bool, is NODISCARD, and takes a
 * struct error * as its last argument, which is never NULL.  On false the
 * error is set, every output argument is untouched, and everything acquired
 * on the way has been released.  Library code never prints.
 *
 * The text is one sentence without capital or full stop that names the thing:
 * "/dev/ttyUSB0: cannot open: Permission denied".
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdbool.h>

#include "common/defs.h"

/*
 * What the caller can do about it.  Codes up to 99 are the exit status of the
 * programs (the table in courier(1)); those above say more to a caller inside
 * and leave the program as 1.
 */
enum error_code {
	ERROR_NONE = 0,
	ERROR_FAILED = 1,        /* the operating system, a library or a peer said no */
	ERROR_USAGE = 2,         /* the request makes no sense */
	ERROR_NOTHING = 3,       /* there is nothing to do */
	ERROR_PARTIAL = 4,       /* some devices failed */
	ERROR_UNVERIFIED = 5,    /* done, but nobody trusted vouches for it */
	ERROR_UNAUTHORISED = 10, /* not accepted, or revoked */
	ERROR_EXPIRED = 11,      /* authentic, but expired */
	ERROR_ROLLBACK = 12,     /* authentic, but older than what was already seen */
	ERROR_WRONG_DEVICE = 13, /* meant for another device */
	ERROR_SIGNATURE = 14,    /* not authentic */
	ERROR_LINK = 20,         /* the cable, or nobody at its end */
	ERROR_BUSY = 21,         /* somebody else is using it, or a name is ambiguous */
	ERROR_SPACE = 30,        /* no space */
	ERROR_DAMAGED = 31,      /* the store is damaged */
	ERROR_CONTACT = 40,      /* not finished: needs another contact */
	ERROR_MALFORMED = 100,   /* bytes that do not parse */
	ERROR_TIMEOUT = 101,     /* the peer went quiet, or away */
	ERROR_DEFERRED = 102,    /* the server asked to be left alone for a while */
	ERROR_ABORTED = 103,     /* the server withdrew the deployment */
	ERROR_GONE = 104,        /* the server has forgotten the deployment */
};

struct error {
	enum error_code code;
	char text[512];
};

/* Set the error and return false, so that "return error_set(...)" reads well. */
bool error_set(struct error *, enum error_code, const char *fmt, ...) PRINTF(3, 4);

/* The same with code ERROR_FAILED (ERROR_SPACE for ENOSPC and EDQUOT), and ": "
 * and the description of errno after the text. */
bool error_errno(struct error *, const char *fmt, ...) PRINTF(2, 3);

/* Put what was being attempted before what went wrong, and return false. */
bool error_while(struct error *, const char *fmt, ...) PRINTF(2, 3);

/* That they return false is for the compiler to see too, and for static analysis. */
#define error_set(...) ((void)(error_set)(__VA_ARGS__), false)
#define error_errno(...) ((void)(error_errno)(__VA_ARGS__), false)
#define error_while(...) ((void)(error_while)(__VA_ARGS__), false)

/* The exit status a program that ends with CODE should have. */
int error_exit_status(enum error_code);

#endif
