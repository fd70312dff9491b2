libmix_a_SOURCES += \
  %D%/cli.c         %D%/cli.h     \
  %D%/cmd_check.c                 \
  %D%/cmd_convert.c               \
  %D%/cmd_merge.c                 \
  %D%/cmd_run.c                   \
  %D%/cmd_status.c                \
  %D%/decide.c      %D%/decide.h  \
  %D%/man.c         %D%/man.h     \
  %D%/options.c     %D%/options.h \
  %D%/parse.c
