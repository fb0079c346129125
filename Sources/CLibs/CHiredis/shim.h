#include <hiredis/read.h>
#include <hiredis/hiredis.h>

/* From 1.0 on hiredis reads the doubles and booleans of RESP3, which nobody has asked for. Without a function for them
   it would return a number as if it were a pointer; a function that returns none makes it an error. */
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
