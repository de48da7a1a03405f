/* test.h - cmocka with what it needs before it, and the one thing every test says. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/error.h"

/* CALL is NODISCARD and takes &err: it must succeed, or its reason is shown. */
#define MUST(call)                                                                             \
	do {                                                                                   \
		if (!(call))                                                                   \
			fail_msg("%s: %s", #call, err.text);                                   \
	} while (0)

#endif
