/* log.h - one line on stderr, with level, rank and host in front.
 *
 * error: the job stops.  warn: it goes on and the results are right.  info:
 * what a person wants in a job log; only rank 0 says it unless it is about one
 * host.  debug: per object.  trace: per step.  Lower case, no key=value.
 *
 * Any thread; a line is written with one write(2).  Not collective. */
#ifndef MIX_BASE_LOG_H
#define MIX_BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mix_log_level {
    MIX_LOG_SILENT, /* not even errors: tests that provoke them */
    MIX_LOG_ERROR,
    MIX_LOG_WARN,
    MIX_LOG_INFO, /* the level at start */
    MIX_LOG_DEBUG,
    MIX_LOG_TRACE,
};

/* Who we are, for every line.  Before the call lines carry no rank. */
void mix_log_identity(int rank, int ranks, const char *host);

void mix_log_level(enum mix_log_level most); /* lines above it are dropped */
bool mix_log_on(enum mix_log_level level);   /* would a line of this level be printed? */

void mix_log(enum mix_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line from rank 0 only (or from a process without ranks). */
void mix_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif
#endif
