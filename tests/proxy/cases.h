/* Exchanges of every kind, played over HTTP/1.1 and HTTP/2 on either side of the proxy. */
#ifndef H2BOX_TESTS_PROXY_CASES_H
#define H2BOX_TESTS_PROXY_CASES_H

/* Those with the name, NULL: all. What to exit with. */
int cases_play(const char *name);
int cases_refuse(const char *name);

#endif
