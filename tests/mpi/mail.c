/* mail.c - letters arrive once, whole, in the order sent, also to oneself. */
#include "comm/mail.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "rig.h"
#include "tap.h"
#include "tap_mpi.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 8, LETTERS = 500 };

static struct mix_comm *comm;
static int me, ranks;

/* Everybody writes LETTERS to everybody and reads between two posts. */
static void storm(void)
{
    struct mix_mail *m = NULL;
    int next[MOST_RANKS] = {0}, got_all = 0;
    bool good = true, got;
    double begin = mix_now();

    ok_all(mix_mail_open(&m, comm) == MIX_OK, "mail between %d ranks", ranks);
    for (int i = 0; i < LETTERS || got_all < LETTERS * ranks;) {
        struct mix_letter l;

        for (int to = 0; to < ranks && i < LETTERS; to++) {
            l = (struct mix_letter){.kind = i, .from = -1, .value = {me, to, i, -i, INT64_MIN, 6}};
            good = good && mix_mail_post(m, to, &l) == MIX_OK;
            memset(&l, 0, sizeof l); /* it has been copied */
        }
        i += i < LETTERS;
        good = good && mix_mail_poll(m, &l, &got) == MIX_OK;
        if (!good || mix_now() - begin > 60)
            break;
        if (!got)
            continue;
        good = l.from >= 0 && l.from < ranks && l.kind == next[l.from] && l.value[0] == l.from &&
               l.value[1] == me && l.value[2] == l.kind && l.value[3] == -l.kind &&
               l.value[4] == INT64_MIN && l.value[5] == 6;
        next[l.from % MOST_RANKS]++;
        got_all++;
    }
    ok_all(good && got_all == LETTERS * ranks,
           "%d letters from each to each, oneself included, in the order sent", LETTERS);
    mix_mail_close(m);
}

/* Letters that nobody reads vanish with the mail, and do not turn up in the next one. */
static void dropped(void)
{
    bool good = true, stale = false;

    for (int round = 0; round < 20; round++) {
        struct mix_mail *m = NULL;
        struct mix_letter l = {.kind = round};
        bool got;

        good = good && mix_mail_open(&m, comm) == MIX_OK;
        for (int i = 0; good && i < 50; i++) {
            good = mix_mail_poll(m, &l, &got) == MIX_OK;
            stale |= got && l.kind != round;
        }
        l.kind = round;
        for (int i = 0; good && i < 100; i++)
            good = mix_mail_post(m, (me + i) % ranks, &l) == MIX_OK;
        mix_mail_close(m);
    }
    ok_all(good && !stale, "letters under way are dropped by close");
}

static int answered;

/* Rank 0 answers letters while it waits for something else: the tick. */
static int answer(void *ctx)
{
    struct mix_letter l;
    bool got;
    int rc = mix_mail_poll(ctx, &l, &got);

    if (rc || !got)
        return rc;
    answered++;
    l.value[0] += 1000;
    return mix_mail_post(ctx, l.from, &l);
}

static void in_the_tick(void)
{
    struct mix_mail *m = NULL;
    struct mix_group *g = NULL;
    struct mix_letter l = {.kind = 3, .value = {me}};
    int world[MOST_RANKS];
    bool got = false, good;
    double begin = mix_now();

    for (int i = 0; i < ranks; i++)
        world[i] = i;
    good = mix_mail_open(&m, comm) == MIX_OK &&
           mix_group_open(&g, comm, "world", world, ranks) == MIX_OK;
    if (me == 0) {
        mix_comm_tick_set(comm, answer, m);
        good = good && mix_group_barrier(g) == MIX_OK; /* the others come after their answers */
        mix_comm_tick_set(comm, NULL, NULL);
        good = good && answered == ranks - 1;
    } else {
        good = good && mix_mail_post(m, 0, &l) == MIX_OK;
        while (good && !got && mix_now() - begin < 60)
            good = mix_mail_poll(m, &l, &got) == MIX_OK;
        good = good && got && l.from == 0 && l.kind == 3 && l.value[0] == me + 1000;
        good = mix_group_barrier(g) == MIX_OK && good;
    }
    ok_all(good, "rank 0 answers while it waits in a barrier");
    mix_group_close(g);
    mix_mail_close(m);
}

static int fails(void *ctx)
{
    (void)ctx;
    return MIX_ESTORAGE;
}

static void failing_tick(void)
{
    struct mix_group *g = NULL;
    int rc;

    if (ranks < 2)
        return;
    rc = mix_group_open(&g, comm, "pair", (int[]){me / 2 * 2, me / 2 * 2 + 1}, 2);
    if (me % 2 == 0) { /* its partner never comes */
        mix_comm_tick_set(comm, fails, NULL);
        rc = rc ? rc : mix_group_barrier(g);
        mix_comm_tick_set(comm, NULL, NULL);
    }
    ok_all(rc == (me % 2 ? MIX_OK : MIX_ESTORAGE), "the code of a tick that fails ends the wait");
    mix_group_close(g);
}

static void misuse(void)
{
    struct mix_mail *m = NULL;
    struct mix_letter l = {0};

    ok_all(mix_mail_open(&m, comm) == MIX_OK, "opened again");
    mix_log_level(MIX_LOG_SILENT);
    ok_all(mix_mail_post(m, ranks, &l) == MIX_EBUG && mix_mail_post(m, -1, &l) == MIX_EBUG,
           "nobody lives there");
    mix_log_level(MIX_LOG_INFO);
    mix_mail_close(m);
    mix_mail_close(NULL);
}

int main(void)
{
    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    storm();
    dropped();
    in_the_tick();
    failing_tick();
    misuse();
    rig_comm_close(comm);
    return tap_done();
}
