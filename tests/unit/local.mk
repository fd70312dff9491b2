# One test a source file, the same name.
check_PROGRAMS += %D%/base.t
%C%_base_t_SOURCES = %D%/base.c
check_PROGRAMS += %D%/file.t
%C%_file_t_SOURCES = %D%/file.c %D%/scratch.h
check_PROGRAMS += %D%/safetensors.t
%C%_safetensors_t_SOURCES = %D%/safetensors.c %D%/scratch.h
check_PROGRAMS += %D%/ledger.t
%C%_ledger_t_SOURCES = %D%/ledger.c %D%/scratch.h
check_PROGRAMS += %D%/lock.t
%C%_lock_t_SOURCES = %D%/lock.c %D%/scratch.h
