/* leader.c - see leader.h.  Leaders only. */
#include "engine/leader.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "engine/letters.h"

#include <stdlib.h>

struct mix_leader {
    struct mix_leader_config config;
    bool hungry;    /* the replica will soon want another shard */
    bool asked;     /* a claim is under way */
    bool exhausted; /* there is nothing left to claim */
    int fetching;   /* claims given to the store that have not come back */
    bool stopping, stop_told, sealing, left, ended;
    int code;
    double heard, reported;
    struct mix_counts counts;
};

int mix_leader_open(struct mix_leader **out, const struct mix_leader_config *config)
{
    struct mix_leader *l = NULL;
    int rc = mix_calloc(&l, 1, sizeof *l, "a leader");

    if (rc)
        return rc;
    l->config = *config;
    l->hungry = true;
    l->heard = mix_now();
    *out = l;
    return MIX_OK;
}

void mix_leader_close(struct mix_leader *l)
{
    free(l);
}

static int post(struct mix_leader *l, int kind)
{
    struct mix_letter letter = {.kind = kind};

    mix_counts_pack(letter.value, &l->counts);
    return mix_mail_post(l->config.mail, 0, &letter);
}

static int read_letter(struct mix_leader *l, const struct mix_letter *letter)
{
    struct mix_claim claim = {letter->value[0], letter->value[1], (int32_t)letter->value[2]};

    if (letter->kind <= MIX_LETTER_LEFT && l->config.coordinator)
        return mix_coordinator_letter(l->config.coordinator, letter);
    l->heard = mix_now();
    switch (letter->kind) {
    case MIX_LETTER_CLAIM:
        l->asked = false;
        l->exhausted = claim.count == 0;
        l->fetching += claim.count > 0;
        return claim.count ? mix_store_fetch(l->config.store, &claim) : MIX_OK;
    case MIX_LETTER_ALIVE:
        return MIX_OK;
    case MIX_LETTER_STOP:
        l->stopping = true;
        return MIX_OK;
    case MIX_LETTER_END:
        l->ended = true;
        l->code = (int)letter->value[0];
        return MIX_OK;
    default:
        return MIX_FAIL(MIX_EBUG, "a letter of kind %d from rank %d", letter->kind, letter->from);
    }
}

int mix_leader_turn(struct mix_leader *l)
{
    char doing[120];
    int rc = MIX_OK;
    struct mix_letter letter;
    bool got = true;
    double now = mix_now();

    if (l->config.coordinator)
        TRY(mix_coordinator_turn(l->config.coordinator));
    while (got) {
        TRY(mix_mail_poll(l->config.mail, &letter, &got));
        if (got)
            TRY(read_letter(l, &letter));
    }
    if (now - l->heard > l->config.stall_s)
        return MIX_FAIL(MIX_ECOMM, "rank 0 (node %s) has not been heard of for %.0f s%s",
                        mix_comm_host(l->config.comm, 0), now - l->heard,
                        mix_comm_doing(l->config.comm, doing));
    if (now - l->reported >= 1 && !l->left) {
        l->reported = now;
        TRY(post(l, MIX_LETTER_REPORT));
    }
    if (l->hungry && !l->asked && !l->exhausted && !l->stopping && l->fetching == 0) {
        l->asked = true;
        TRY(post(l, MIX_LETTER_ASK));
    }
out:
    return rc;
}

void mix_leader_hungry(struct mix_leader *l, bool hungry)
{
    l->hungry = hungry;
}

int mix_leader_stop(struct mix_leader *l)
{
    if (l->stop_told)
        return MIX_OK;
    l->stop_told = true;
    return post(l, MIX_LETTER_WANT_STOP);
}

void mix_leader_count(struct mix_leader *l, const struct mix_counts *counts)
{
    struct mix_store_stats stats = mix_store_stats(l->config.store);

    l->counts = *counts;
    l->counts.rows = stats.rows_ended;
    l->counts.failed = stats.rows_failed;
}

int mix_leader_shard(struct mix_leader *l, const struct mix_shard **shard)
{
    int rc;

    *shard = NULL;
    if (l->fetching == 0)
        return MIX_OK;
    rc = mix_store_fetched(l->config.store, shard);
    l->fetching -= rc == MIX_OK && *shard;
    return rc;
}

int mix_leader_answer(struct mix_leader *l, const struct mix_answer *answer)
{
    return mix_store_answer(l->config.store, answer);
}

bool mix_leader_stopping(const struct mix_leader *l)
{
    return l->stopping;
}

int mix_leader_idle(struct mix_leader *l)
{
    int rc = MIX_OK;
    bool done = false;

    if (l->left || l->asked || (!l->stopping && (!l->exhausted || l->fetching)))
        return MIX_OK;
    if (!l->sealing)
        TRY(mix_store_seal(l->config.store));
    l->sealing = true;
    TRY(mix_store_sealed(l->config.store, &done));
    if (!done)
        goto out;
    mix_leader_count(l, &l->counts);
    l->left = true;
    TRY(post(l, MIX_LETTER_LEFT));
out:
    return rc;
}

bool mix_leader_ended(const struct mix_leader *l, int *code)
{
    *code = l->code;
    return l->ended;
}
