libmix_a_SOURCES += \
  %D%/claims.c %D%/claims.h \
  %D%/convert.c %D%/convert.h \
  %D%/coordinator.c %D%/coordinator.h \
  %D%/deal.c %D%/deal.h \
  %D%/draft.c %D%/draft.h \
  %D%/export.c %D%/export.h \
  %D%/extras.c %D%/extras.h \
  %D%/folder.c %D%/folder.h \
  %D%/histogram.c %D%/histogram.h \
  %D%/identity.c %D%/identity.h \
  %D%/import.c %D%/import.h \
  %D%/job.c %D%/job.h \
  %D%/kill_point.c %D%/kill_point.h \
  %D%/leader.c %D%/leader.h \
  %D%/letters.h \
  %D%/merge.c %D%/merge.h \
  %D%/note.c %D%/note.h \
  %D%/pages.c %D%/pages.h \
  %D%/pieces.c %D%/pieces.h \
  %D%/progress.c %D%/progress.h \
  %D%/raw.c %D%/raw.h \
  %D%/report.c %D%/report.h \
  %D%/rows.c %D%/rows.h \
  %D%/run.c %D%/run.h \
  %D%/sampler.c %D%/sampler.h \
  %D%/sampling.c %D%/sampling.h \
  %D%/sched.c %D%/sched.h \
  %D%/seal.c %D%/seal.h \
  %D%/status.c %D%/status.h \
  %D%/steps.c %D%/steps.h \
  %D%/stop.c %D%/stop.h \
  %D%/store.c %D%/store.h \
  %D%/store_state.h \
  %D%/store_thread.c \
  %D%/survey.c %D%/survey.h
