libmix_a_SOURCES += \
  %D%/chunks.c    %D%/chunks.h    \
  %D%/cost.c      %D%/cost.h      \
  %D%/cost_copies.c               \
  %D%/cost_links.c                \
  %D%/cost_relay.c                \
  %D%/explain.c   %D%/explain.h   \
  %D%/homes.c     %D%/homes.h     \
  %D%/explain_json.c              \
  %D%/explain_ranking.c           \
  %D%/fit.c       %D%/fit.h       \
  %D%/layouts.c   %D%/layouts.h   \
  %D%/memory.c    %D%/memory.h    \
  %D%/mesh.c      %D%/mesh.h      \
  %D%/plan.c      %D%/plan.h      \
  %D%/plan_json.c %D%/plan_json.h \
  %D%/rank.c                      \
  %D%/resume.c    %D%/resume.h    \
  %D%/scatter.c   %D%/scatter.h   \
  %D%/search.c    %D%/search.h    \
  %D%/wanted.c    %D%/wanted.h    \
  %D%/workload.c  %D%/workload.h
