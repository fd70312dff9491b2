/* coordinator.c - see coordinator.h.  Rank 0 only. */
#include "engine/coordinator.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/letters.h"

#include <stdlib.h>

struct replica {
    int leader;
    double heard; /* when it last wrote */
    bool left;
    struct mix_counts counts; /* its last report */
};

struct mix_coordinator {
    struct mix_coordinator_config config;
    struct replica *replica; /* [replicas] */
    double beat;
    bool stopping, ended;
    int left;
};

int mix_coordinator_open(struct mix_coordinator **out, const struct mix_coordinator_config *config)
{
    int rc = MIX_OK;
    struct mix_coordinator *c = NULL;

    TRY(mix_calloc(&c, 1, sizeof *c, "the coordinator"));
    c->config = *config;
    TRY(mix_calloc(&c->replica, (size_t)config->replicas, sizeof *c->replica, "the coordinator"));
    c->beat = mix_now();
    for (int i = 0; i < config->replicas; i++) {
        c->replica[i].leader = config->leader[i];
        c->replica[i].heard = c->beat;
    }
    *out = c;
    c = NULL;
out:
    mix_coordinator_close(c);
    return rc;
}

void mix_coordinator_close(struct mix_coordinator *c)
{
    if (!c)
        return;
    free(c->replica);
    free(c);
}

static int post(struct mix_coordinator *c, const struct replica *r, int kind, int64_t first,
                int64_t second, int64_t third)
{
    struct mix_letter letter = {.kind = kind, .value = {first, second, third}};

    return mix_mail_post(c->config.mail, r->leader, &letter);
}

static int post_all(struct mix_coordinator *c, int kind, int64_t value)
{
    for (int i = 0; i < c->config.replicas; i++) {
        int rc = post(c, &c->replica[i], kind, value, 0, 0);
        if (rc)
            return rc;
    }
    return MIX_OK;
}

static int stop(struct mix_coordinator *c, const char *why)
{
    if (c->stopping)
        return MIX_OK;
    c->stopping = true;
    mix_info("stopping: %s; finished rows are sealed, the same command goes on", why);
    return post_all(c, MIX_LETTER_STOP, 0);
}

static struct mix_counts sum(const struct mix_coordinator *c)
{
    struct mix_counts all = {0};

    for (int i = 0; i < c->config.replicas; i++)
        mix_counts_add(&all, &c->replica[i].counts);
    return all;
}

static int end(struct mix_coordinator *c)
{
    struct mix_counts all = sum(c);
    int64_t rows = mix_progress_rows(c->config.progress);
    int64_t done = mix_progress_done_before(c->config.progress) + all.rows;
    int code = done < rows ? MIX_ESTOPPED : MIX_OK;

    c->ended = true;
    mix_progress_update(c->config.progress, &all);
    if (code == MIX_OK && c->config.max_errors >= 0 &&
        mix_job_rows_failed(c->config.job) + all.failed > c->config.max_errors)
        code = MIX_EROWS;
    return post_all(c, MIX_LETTER_END, code);
}

int mix_coordinator_letter(struct mix_coordinator *c, const struct mix_letter *letter)
{
    struct replica *r = NULL;
    struct mix_claim claim = {0};

    for (int i = 0; i < c->config.replicas; i++)
        if (c->replica[i].leader == letter->from)
            r = &c->replica[i];
    if (!r)
        return MIX_FAIL(MIX_EBUG, "a letter from rank %d, which leads nothing", letter->from);
    r->heard = mix_now();
    switch (letter->kind) {
    case MIX_LETTER_ASK:
        if (!c->stopping)
            claim = mix_job_claim(c->config.job, c->config.replicas);
        return post(c, r, MIX_LETTER_CLAIM, claim.first, claim.count, claim.pieces);
    case MIX_LETTER_REPORT:
        mix_counts_unpack(&r->counts, letter->value);
        return MIX_OK;
    case MIX_LETTER_WANT_STOP:
        return stop(c, "a signal came");
    case MIX_LETTER_LEFT:
        mix_counts_unpack(&r->counts, letter->value);
        if (r->left)
            return MIX_FAIL(MIX_EBUG, "rank %d has left twice", letter->from);
        r->left = true;
        return ++c->left == c->config.replicas ? end(c) : MIX_OK;
    default:
        return MIX_FAIL(MIX_EBUG, "a letter of kind %d from rank %d", letter->kind, letter->from);
    }
}

int mix_coordinator_turn(struct mix_coordinator *c)
{
    char doing[120];
    int rc = MIX_OK;
    double now = mix_now();

    if (c->ended)
        return MIX_OK;
    if (c->config.stop_at > 0 && now >= c->config.stop_at)
        TRY(stop(c, "--max-time is over"));
    if (now - c->beat < 1)
        return MIX_OK;
    c->beat = now;
    TRY(post_all(c, MIX_LETTER_ALIVE, 0));
    TRY(mix_job_beat(c->config.job));
    for (int i = 0; i < c->config.replicas; i++) /* who has left has nothing more to say */
        if (!c->replica[i].left && now - c->replica[i].heard > c->config.stall_s)
            return MIX_FAIL(MIX_ECOMM, "rank %d (node %s) has not been heard of for %.0f s%s",
                            c->replica[i].leader,
                            mix_comm_host(c->config.comm, c->replica[i].leader),
                            now - c->replica[i].heard, mix_comm_doing(c->config.comm, doing));
    struct mix_counts all = sum(c);
    mix_progress_update(c->config.progress, &all);
out:
    return rc;
}
