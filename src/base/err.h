/* err.h - how a function in mixserve fails.
 *
 * A function that can fail returns int: 0, or one of the codes below.  The
 * place that first knows what went wrong logs one line with MIX_FAIL and
 * returns the code; callers hand the code up with TRY and add nothing.
 * A bad input row is not a failure: it is a result, see engine/rows.h.
 *
 * Any thread; not collective. */
#ifndef MIX_BASE_ERR_H
#define MIX_BASE_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

enum mix_err { /* the value is the process's exit code */
               MIX_OK = 0,
               MIX_EBUG = 1,      /* an invariant does not hold; a device or library refused */
               MIX_EUSAGE = 2,    /* the user asked for something impossible */
               MIX_EINPUT = 3,    /* input or model missing, short or malformed */
               MIX_EROWS = 4,     /* too many bad rows */
               MIX_EFIT = 5,      /* does not fit: memory, ranks */
               MIX_ENUMERIC = 6,  /* a numeric check failed */
               MIX_ECOMM = 7,     /* MPI refused, or a peer is gone or stalled */
               MIX_ESTORAGE = 8,  /* the file system or HDF5 refused */
               MIX_ESTOPPED = 75, /* stopped by time or signal, resumable */
};

const char *mix_err_name(int code); /* "storage", "usage", ...; never NULL */

/* Log the text once at level error and return code. */
int mix_err_report(int code, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The text of the last report of this process, by whatever thread, for the line that main prints;
 * "" if none.  Good until the thread asks again. */
const char *mix_err_last(void);

#define MIX_FAIL(code, ...) mix_err_report((code), __FILE__, __LINE__, __VA_ARGS__)

/* Hand an error up: needs a local `int rc` and a label `out`. */
#define TRY(call) \
    do { \
        if ((rc = (call)) != MIX_OK) \
            goto out; \
    } while (0)

/* An invariant, checked in every build: needs `rc` and `out` like TRY. */
#define MIX_CHECK(cond, ...) \
    do { \
        if (!(cond)) { \
            rc = MIX_FAIL(MIX_EBUG, __VA_ARGS__); \
            goto out; \
        } \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
