/* json_build.h - between json_build.c and json_print.c: was everything added? */
#ifndef COMMON_JSON_BUILD_H
#define COMMON_JSON_BUILD_H

#include <stdbool.h>

#include <cjson/cJSON.h>

enum { JSON_BUILD_FAILED = 1 }; /* in the valueint of an object or array */

bool json_build_failed(const cJSON *);

#endif
