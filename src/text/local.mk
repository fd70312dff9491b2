libmix_a_SOURCES += \
  %D%/added.c          %D%/added.h           \
  %D%/alphabet.c       %D%/alphabet.h        \
  %D%/bpe.c            %D%/bpe.h             \
  %D%/bytelevel.c      %D%/bytelevel.h       \
  %D%/charset.c        %D%/charset.h         \
  %D%/json_file.c      %D%/json_file.h       \
  %D%/jsonl.c          %D%/jsonl.h           \
  %D%/jsonl_row.c      %D%/jsonl_row.h       \
  %D%/jsonl_write.c    %D%/jsonl_write.h     \
  %D%/nfc.c            %D%/nfc.h             \
  %D%/pretok.c         %D%/pretok.h          \
  %D%/regex.c          %D%/regex.h           \
  %D%/tokenizer.c      %D%/tokenizer.h       \
  %D%/tokenizer_around.c                     \
  %D%/tokenizer_load.c %D%/tokenizer_parts.h \
  %D%/unicode.c        %D%/unicode.h         \
  %D%/unicode_table.c                        \
  %D%/utf8.c           %D%/utf8.h            \
  %D%/vocab.c          %D%/vocab.h
