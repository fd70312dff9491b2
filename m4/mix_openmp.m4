# MIX_OPENMP: the threads of the CPU kernels. Sets OPENMP_CFLAGS (also for linking).
AC_DEFUN([MIX_OPENMP], [
  OPENMP_CFLAGS=-fopenmp
  mix_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $OPENMP_CFLAGS"
  AC_MSG_CHECKING([whether $CC takes -fopenmp])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <omp.h>]], [[return omp_get_max_threads() < 1;]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([$CC has no OpenMP: apt-get install gcc, or set OMPI_CC to a compiler that has it])])
  CFLAGS=$mix_save_CFLAGS
  AC_SUBST([OPENMP_CFLAGS])
])
