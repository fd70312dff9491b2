/* letters.h - what leaders and rank 0 write to each other (comm/mail.h).
 *
 * Kinds up to MIX_LETTER_LEFT are for rank 0's desk, the others for leaders: rank
 * 0 is a leader too and finds both in its mail. */
#ifndef MIX_ENGINE_LETTERS_H
#define MIX_ENGINE_LETTERS_H

enum mix_letter_kind {
    /* leader -> rank 0 */
    MIX_LETTER_ASK = 1,   /* the next shard, please */
    MIX_LETTER_REPORT,    /* my counters: enum mix_report_value; also: I am alive */
    MIX_LETTER_WANT_STOP, /* a signal came here */
    MIX_LETTER_LEFT,      /* nothing left to do here, everything sealed; counters as in REPORT */
    /* rank 0 -> leader */
    MIX_LETTER_CLAIM, /* your next shard: first, count, pieces; count 0: there is none */
    MIX_LETTER_ALIVE, /* I am alive */
    MIX_LETTER_STOP,  /* finish this step, seal, answer LEFT */
    MIX_LETTER_END,   /* all have left: value[0] is the code to leave with */
};

enum mix_report_value {
    MIX_REPORT_ROWS,       /* ended here, bad ones too */
    MIX_REPORT_FAILED,     /* of these: with an error */
    MIX_REPORT_TOKENS_IN,  /* prompt tokens computed */
    MIX_REPORT_TOKENS_OUT, /* tokens drawn */
    MIX_REPORT_RUNNING,    /* running << 32 | waiting */
    MIX_REPORT_PAGES,      /* used << 32 | all */
};

#endif
