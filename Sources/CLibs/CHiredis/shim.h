#include <hiredis/read.h>
#include <hiredis/hiredis.h>

/* Since 1.0 hiredis parses the doubles and booleans of RESP3, which this client never requests. Without a function for
   them, hiredis would return a number in place of a pointer. A function that returns NULL makes them an error. */
#if HIREDIS_MAJOR >= 1
static void *martlet_refuse_double(const redisReadTask *task, double value, char *text, size_t length) {
    (void)task, (void)value, (void)text, (void)length;
    return NULL;
}

static void *martlet_refuse_bool(const redisReadTask *task, int value) {
    (void)task, (void)value;
    return NULL;
}
#endif

static inline void martlet_refuse_resp3(redisReplyObjectFunctions *functions) {
#if HIREDIS_MAJOR >= 1
    functions->createDouble = martlet_refuse_double;
    functions->createBool = martlet_refuse_bool;
#else
    (void)functions;
#endif
}
