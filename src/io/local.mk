libmix_a_SOURCES += \
  %D%/file.c        %D%/file.h        \
  %D%/kind.c        %D%/kind.h        \
  %D%/ledger.c      %D%/ledger.h      \
  %D%/lock.c        %D%/lock.h        \
  %D%/safetensors.c %D%/safetensors.h
# HDF5: prompts in, results out.
libmix_a_SOURCES += %D%/columns.c %D%/columns.h %D%/columns_h5.h
libmix_a_SOURCES += %D%/h5.c %D%/h5.h %D%/h5set.c %D%/h5set.h
libmix_a_SOURCES += %D%/h5arena.c %D%/h5arena.h %D%/h5drive.c %D%/h5drive.h
libmix_a_SOURCES += %D%/h5type.c %D%/h5type.h %D%/h5type_json.c
libmix_a_SOURCES += %D%/prompts.h %D%/prompts_open.c %D%/prompts_open.h
libmix_a_SOURCES += %D%/prompts_read.c %D%/prompts_write.c
libmix_a_SOURCES += %D%/results.h %D%/results_copy.c %D%/results_form.c %D%/results_form.h
libmix_a_SOURCES += %D%/results_open.c %D%/results_open.h %D%/results_read.c %D%/results_seal.c %D%/results_write.c
