# MIX_MPI: CC must already be an MPI compiler; find the launcher that tests use.
AC_DEFUN([MIX_MPI], [
  AC_CHECK_FUNC([MPI_Init_thread], [],
    [AC_MSG_ERROR([$CC cannot link MPI_Init_thread: apt-get install libopenmpi-dev openmpi-bin, or set CC to an MPI compiler wrapper])])
  AC_ARG_VAR([MPIRUN], [launcher used by make check])
  AC_PATH_PROGS([MPIRUN], [mpirun mpiexec], [no])
  AM_CONDITIONAL([HAVE_MPIRUN], [test "x$MPIRUN" != xno])
])
