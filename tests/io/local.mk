# Against h5py, which we did not write.
check_PROGRAMS += %D%/h5py.t
%C%_h5py_t_SOURCES = %D%/h5py.c
EXTRA_DIST += %D%/h5py_write.py %D%/h5py_read.py %D%/h5py_docs.py docs/format.md
