# MIX_PACKAGE(VARIABLE, MODULE, DEBIAN-PACKAGE): a required library found with pkg-config.
# Sets VARIABLE_CFLAGS and VARIABLE_LIBS; names the Debian package when it is missing.
AC_DEFUN([MIX_PACKAGE], [
  PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 is missing: apt-get install $3 (or run jobs/setup.sh)])])
])
