/* h5drive.h - how HDF5 reaches the disk: a file driver that outlives a full one.
 *
 * When a write fails, HDF5 1.10 cannot close the file any more, and the process
 * ends in a segmentation fault inside the library's exit handler (seen with
 * 1.10.8 on a full tmpfs).  So HDF5 never hears of a failed write here: from the
 * first one on, the driver keeps what is written in memory, answers reads from
 * there, and notes the errno.  The writer looks at it after each step and gives
 * up; what is kept until the file is closed is at most HDF5's own caches.
 *
 * The driver takes no file locks: they fail on many parallel file systems, and
 * a job has a lock of its own.
 *
 * All calls on one thread at a time; not collective. */
#ifndef MIX_IO_H5DRIVE_H
#define MIX_IO_H5DRIVE_H

#include <hdf5.h>

/* Make files opened with fapl go through this driver.  *werr, set to an errno value by the first
 * write that failed, must live until the file is closed; NULL for a file that is only read. */
int mix_h5drive_set(hid_t fapl, int *werr);

#endif
