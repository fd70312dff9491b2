/* tap.h - print Test Anything Protocol.  ok() returns its condition. */
#ifndef MIX_TESTS_TAP_H
#define MIX_TESTS_TAP_H
#include <stdbool.h>
bool tap_ok(bool pass, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void tap_skip_all(const char *why) __attribute__((noreturn));
void tap_skip(const char *what, const char *why);
void tap_mute(void); /* ranks other than 0 compute but do not print */
int tap_done(void);
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
/* Under sanitizers a test that takes long walks fewer of the same kind: all of them are walked
 * without. */
#ifdef __SANITIZE_ADDRESS__
enum { TAP_SANITIZED = 1 };
#else
enum { TAP_SANITIZED = 0 };
#endif

#endif
