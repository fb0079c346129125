#include <netinet/in.h>
#include <arpa/nameser.h>
#include <resolv.h>
#include <netdb.h>

// The resolver's functions are macros for names that differ between versions of the C library.
static inline int martlet_res_ninit(struct __res_state *state) { return res_ninit(state); }
static inline void martlet_res_nclose(struct __res_state *state) { res_nclose(state); }

// Uses one name server instead of those in resolv.conf, and no search domains. Address and port are in network order.
static inline void martlet_res_use_server(struct __res_state *state, struct in_addr address, in_port_t port) {
    struct sockaddr_in server = {0};
    server.sin_family = AF_INET;
    server.sin_addr = address;
    server.sin_port = port;
    state->nsaddr_list[0] = server;
    state->nscount = 1;
    state->options &= ~(RES_DEFNAMES | RES_DNSRCH);
}
