/* allocations.h - how often the program itself asks for memory: the linker sends the calls of its
 * objects here (local.mk), those of libraries not. */
#ifndef MIX_TESTS_ALLOCATIONS_H
#define MIX_TESTS_ALLOCATIONS_H

extern long allocations; /* so far; anybody's to set back */

#endif
