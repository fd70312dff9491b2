# One test a source file, the same name.
check_PROGRAMS += %D%/base.t
%C%_base_t_SOURCES = %D%/base.c
check_PROGRAMS += %D%/pages.t
%C%_pages_t_SOURCES = %D%/pages.c
check_PROGRAMS += %D%/sampler.t
%C%_sampler_t_SOURCES = %D%/sampler.c
check_PROGRAMS += %D%/sched.t
%C%_sched_t_SOURCES = %D%/sched.c
check_PROGRAMS += %D%/plan.t
%C%_plan_t_SOURCES = %D%/plan.c
check_PROGRAMS += %D%/file.t
%C%_file_t_SOURCES = %D%/file.c %D%/scratch.h
check_PROGRAMS += %D%/safetensors.t
%C%_safetensors_t_SOURCES = %D%/safetensors.c %D%/scratch.h
check_PROGRAMS += %D%/topo.t
%C%_topo_t_SOURCES = %D%/topo.c
