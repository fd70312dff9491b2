libmix_a_SOURCES += \
  %D%/added.c          %D%/added.h           \
  %D%/alphabet.c       %D%/alphabet.h        \
  %D%/bpe.c            %D%/bpe.h             \
  %D%/bytelevel.c      %D%/bytelevel.h       \
  %D%/charset.c        %D%/charset.h         \
  %D%/nfc.c            %D%/nfc.h             \
  %D%/pretok.c         %D%/pretok.h          \
  %D%/regex.c          %D%/regex.h           \
  %D%/unicode.c        %D%/unicode.h         \
  %D%/unicode_table.c                        \
  %D%/utf8.c           %D%/utf8.h            \
  %D%/vocab.c          %D%/vocab.h
