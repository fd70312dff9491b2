# MIX_WARNINGS: WARN_CFLAGS for our own C; --enable-werror for CI.
AC_DEFUN([MIX_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors (CI's choice, not the user's)])],
    [], [enable_werror=no])
  WARN_CFLAGS="-std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes"
  WARN_CFLAGS="$WARN_CFLAGS -Wold-style-definition -Wvla -Wwrite-strings -Wformat=2 -Wundef"
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])
