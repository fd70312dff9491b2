/* unicode.c - see unicode.h. */
#include "text/unicode.h"

#include <string.h>

/* In the order of the table's numbers. */
static const char names[][3] = {"Cc", "Cf", "Cn", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu",
                                "Mc", "Me", "Mn", "Nd", "Nl", "No", "Pc", "Pd", "Pe", "Pf",
                                "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs"};

uint32_t mix_unicode_categories(const char *name, size_t n)
{
    uint32_t categories = 0;

    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if ((n == 1 || n == 2) && memcmp(names[i], name, n) == 0)
            categories |= UINT32_C(1) << i;
    return categories;
}
