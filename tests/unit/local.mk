# One test a source file, the same name.
check_PROGRAMS += %D%/base.t
%C%_base_t_SOURCES = %D%/base.c
