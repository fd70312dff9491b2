# MIX_DNNL: oneDNN, matrix products on CPUs. It ships no pkg-config file. Required.
# Sets DNNL_CFLAGS, DNNL_LIBS.
AC_DEFUN([MIX_DNNL], [
  AC_ARG_WITH([dnnl], [AS_HELP_STRING([--with-dnnl=DIR], [oneDNN installation (default: the system's)])])
  AS_CASE([x$with_dnnl],
    [x|xyes], [DNNL_CFLAGS= DNNL_LIBS=-ldnnl],
    [xno],    [AC_MSG_ERROR([oneDNN is required])],
    [DNNL_CFLAGS="-I$with_dnnl/include" DNNL_LIBS="-L$with_dnnl/lib -Wl,-rpath,$with_dnnl/lib -ldnnl"])
  mix_save_CPPFLAGS=$CPPFLAGS mix_save_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $DNNL_CFLAGS" LIBS="$DNNL_LIBS $LIBS"
  AC_MSG_CHECKING([for oneDNN 2.0 or later])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[
    #include <dnnl.h>
    #if DNNL_VERSION_MAJOR < 2
    #error too old
    #endif]], [[return dnnl_version()->major < 2;]])], [],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([oneDNN is missing: apt-get install libdnnl-dev (or run jobs/setup.sh)])])
  AC_COMPUTE_INT([mix_dnnl_major], [DNNL_VERSION_MAJOR], [#include <dnnl.h>])
  AC_COMPUTE_INT([mix_dnnl_minor], [DNNL_VERSION_MINOR], [#include <dnnl.h>])
  mix_dnnl_version=$mix_dnnl_major.$mix_dnnl_minor
  AC_MSG_RESULT([$mix_dnnl_version])
  CPPFLAGS=$mix_save_CPPFLAGS LIBS=$mix_save_LIBS
  AC_SUBST([DNNL_CFLAGS])
  AC_SUBST([DNNL_LIBS])
])
