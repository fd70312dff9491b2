libmix_a_SOURCES += %D%/none.c %D%/options.c %D%/options.h %D%/parse.c
