libmix_a_SOURCES += \
  %D%/explain.c   %D%/explain.h   \
  %D%/homes.c     %D%/homes.h     \
  %D%/memory.c    %D%/memory.h    \
  %D%/mesh.c      %D%/mesh.h      \
  %D%/plan.c      %D%/plan.h      \
  %D%/plan_json.c %D%/plan_json.h \
  %D%/resume.c    %D%/resume.h    \
  %D%/scatter.c   %D%/scatter.h   \
  %D%/search.c    %D%/search.h
