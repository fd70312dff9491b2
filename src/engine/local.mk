libmix_a_SOURCES += \
  %D%/pages.c   %D%/pages.h   \
  %D%/sampler.c %D%/sampler.h \
  %D%/sched.c   %D%/sched.h   \
  %D%/stop.c    %D%/stop.h
libmix_a_SOURCES += %D%/claims.c %D%/claims.h
libmix_a_SOURCES += %D%/folder.c %D%/folder.h
libmix_a_SOURCES += %D%/identity.c %D%/identity.h
libmix_a_SOURCES += %D%/kill_point.c %D%/kill_point.h
libmix_a_SOURCES += %D%/sampling.c %D%/sampling.h
libmix_a_SOURCES += %D%/draft.c %D%/draft.h
libmix_a_SOURCES += %D%/note.c %D%/note.h
libmix_a_SOURCES += %D%/pieces.c %D%/pieces.h
libmix_a_SOURCES += %D%/rows.c %D%/rows.h
libmix_a_SOURCES += %D%/seal.c %D%/seal.h
libmix_a_SOURCES += %D%/store.c %D%/store.h %D%/store_state.h %D%/store_thread.c
libmix_a_SOURCES += %D%/survey.c %D%/survey.h
libmix_a_SOURCES += %D%/merge.c %D%/merge.h
libmix_a_SOURCES += %D%/job.c %D%/job.h
libmix_a_SOURCES += %D%/status.c %D%/status.h
