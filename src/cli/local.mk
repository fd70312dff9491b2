libmix_a_SOURCES += %D%/none.c
