# thing.h is the contract, thing_cpu.c keeps it on CPUs.
libmix_a_SOURCES +=
