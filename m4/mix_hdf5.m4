# MIX_HDF5: --with-hdf5=DIR, else pkg-config. Required. Sets HDF5_CFLAGS, HDF5_LIBS.
AC_DEFUN([MIX_HDF5], [
  AC_ARG_WITH([hdf5], [AS_HELP_STRING([--with-hdf5=DIR], [HDF5 installation (default: pkg-config)])])
  AS_CASE([x$with_hdf5],
    [x|xyes], [PKG_CHECK_MODULES([HDF5], [hdf5-serial], [mix_hdf5_how=hdf5-serial.pc],
                [PKG_CHECK_MODULES([HDF5], [hdf5], [mix_hdf5_how=hdf5.pc],
                  [AC_MSG_ERROR([HDF5 is missing: apt-get install libhdf5-dev (or run jobs/setup.sh)])])])],
    [xno],    [AC_MSG_ERROR([HDF5 is required])],
    [HDF5_CFLAGS="-I$with_hdf5/include"
     HDF5_LIBS="-L$with_hdf5/lib -lhdf5"
     mix_hdf5_how=$with_hdf5])
  mix_save_CPPFLAGS=$CPPFLAGS mix_save_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $HDF5_CFLAGS" LIBS="$HDF5_LIBS $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <hdf5.h>]], [[return H5open() < 0;]])],
    [], [AC_MSG_ERROR([cannot link HDF5 ($mix_hdf5_how): apt-get install libhdf5-dev])])
  CPPFLAGS=$mix_save_CPPFLAGS LIBS=$mix_save_LIBS
  AC_SUBST([HDF5_CFLAGS])
  AC_SUBST([HDF5_LIBS])
])
