# MIX_SANITIZE: --enable-sanitize=address,undefined (C code only).
AC_DEFUN([MIX_SANITIZE], [
  AC_ARG_ENABLE([sanitize], [AS_HELP_STRING([--enable-sanitize=LIST], [compiler sanitizers, for instance address,undefined])],
    [mix_sanitize=$enableval], [mix_sanitize=no])
  SAN_FLAGS=
  AS_IF([test "x$mix_sanitize" != xno],
    [SAN_FLAGS="-fsanitize=$mix_sanitize -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
     mix_save_CFLAGS=$CFLAGS
     CFLAGS="$CFLAGS $SAN_FLAGS"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])], [], [AC_MSG_ERROR([$CC cannot link $SAN_FLAGS])])
     CFLAGS=$mix_save_CFLAGS])
  AC_SUBST([SAN_FLAGS])
])
