# One test a source file, the same name.
check_PROGRAMS += %D%/base.t
%C%_base_t_SOURCES = %D%/base.c
check_PROGRAMS += %D%/claims.t
%C%_claims_t_SOURCES = %D%/claims.c
check_PROGRAMS += %D%/file.t
%C%_file_t_SOURCES = %D%/file.c %D%/scratch.h
