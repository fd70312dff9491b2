# One test a source file, the same name.
check_PROGRAMS += %D%/base.t
%C%_base_t_SOURCES = %D%/base.c
check_PROGRAMS += %D%/claims.t
%C%_claims_t_SOURCES = %D%/claims.c
check_PROGRAMS += %D%/file.t
%C%_file_t_SOURCES = %D%/file.c %D%/scratch.h
check_PROGRAMS += %D%/folder.t %D%/identity.t %D%/kill_point.t
%C%_folder_t_SOURCES = %D%/folder.c
%C%_identity_t_SOURCES = %D%/identity.c
%C%_kill_point_t_SOURCES = %D%/kill_point.c
